-- migrate:up

-- What a question needs to be decided: which key its code is derived with, when it was first asked, and when somebody looks at it next.
ALTER TABLE challenge
    ADD COLUMN code_key_id  text        NOT NULL DEFAULT '',
    ADD COLUMN asked_at     timestamptz,                            -- business time of the first attempt that the provider took
    ADD COLUMN look_at      timestamptz NOT NULL DEFAULT '-infinity', -- business time; every change of a notification of it sets it back
    ADD COLUMN asking_back  text        CHECK (asking_back IN ('wanted', 'done')),
    ADD COLUMN back_address uuid,                                   -- whom to ask back, on which channel
    ADD COLUMN back_channel text        CHECK (back_channel IN ('sms', 'whatsapp')),
    ADD COLUMN told_again   boolean     NOT NULL DEFAULT false,     -- a later answer that says something else was told, once
    ADD COLUMN chain_length integer     NOT NULL DEFAULT 0,
    ADD COLUMN chain_head   bytea       NOT NULL DEFAULT '\x';
DROP INDEX challenge_open;
CREATE INDEX challenge_open ON challenge (account_id, look_at) WHERE state = 'open';
CREATE INDEX challenge_ask_back ON challenge (account_id, challenge_id) WHERE asking_back = 'wanted';
CREATE INDEX notification_challenge ON notification (account_id, challenge_id) WHERE challenge_id IS NOT NULL;
CREATE INDEX notification_asked ON notification (account_id, address_id, challenge_id) WHERE challenge_id IS NOT NULL;

-- All that happened to a question: append-only, each entry bound to the one before it. No number, no code, no words.
CREATE TABLE challenge_event (
    account_id      text        NOT NULL,
    challenge_id    text        NOT NULL,
    seq             integer     NOT NULL CHECK (seq >= 1),
    kind            text        NOT NULL CHECK (kind IN ('answer', 'wrong_code', 'unclear', 'asked_back', 'late', 'decided')),
    answer          text,
    strength        text,
    channel         text,
    provider_sid    text        NOT NULL DEFAULT '',
    business_at     timestamptz NOT NULL,
    recorded_at     timestamptz NOT NULL DEFAULT clock_timestamp(),
    previous_hash   bytea       NOT NULL,
    entry_hash      bytea       NOT NULL CHECK (octet_length(entry_hash) = 32),
    PRIMARY KEY (account_id, challenge_id, seq),
    FOREIGN KEY (account_id, challenge_id) REFERENCES challenge
);

-- What the provider says of who took a call: a key press counts as a person's only where a person did.
ALTER TABLE attempt ADD COLUMN answered_by text;
-- WhatsApp's 24 hours begin with the person's last message, to each of our senders by itself.
ALTER TABLE inbound ADD COLUMN senders text[] NOT NULL DEFAULT '{}';    -- names of those written to, of WhatsApp's
CREATE INDEX inbound_whatsapp ON inbound (account_id, address_id, business_at) WHERE channel = 'whatsapp';

-- migrate:down
DROP INDEX inbound_whatsapp;
ALTER TABLE inbound DROP COLUMN senders;
ALTER TABLE attempt DROP COLUMN answered_by;
DROP TABLE challenge_event;
DROP INDEX notification_asked, notification_challenge, challenge_ask_back, challenge_open;
CREATE INDEX challenge_open ON challenge (account_id, answer_by) WHERE state = 'open';
ALTER TABLE challenge DROP COLUMN code_key_id, DROP COLUMN asked_at, DROP COLUMN look_at, DROP COLUMN asking_back, DROP COLUMN back_address,
    DROP COLUMN back_channel, DROP COLUMN told_again, DROP COLUMN chain_length, DROP COLUMN chain_head;
