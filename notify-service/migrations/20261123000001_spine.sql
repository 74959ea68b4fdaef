-- migrate:up

-- account_id is the first column of every key and named by every statement on the hot path: it is the column
-- by which these tables can be distributed. It is the operator's short name, opaque here.

-- The one offset of business time. Moved only in the sandbox; leases and dates of creation never use it.
CREATE TABLE clock (
    only_row       boolean     PRIMARY KEY DEFAULT true CHECK (only_row),
    offset_seconds bigint      NOT NULL DEFAULT 0
);
INSERT INTO clock DEFAULT VALUES;

-- ---------------------------------------------------------------------------------------------- addresses and consent

-- The only place where a phone number stands: as ciphertext, found by a keyed hash. Everything else names the random address_id.
CREATE TABLE address (
    account_id     text        NOT NULL,
    address_id     uuid        NOT NULL,
    lookup_key_id  text        NOT NULL,
    lookup_hash    bytea       NOT NULL CHECK (octet_length(lookup_hash) = 32),
    data_key_id    text        NOT NULL,
    ciphertext     bytea,                              -- NULL once the person was erased; the keyed hash keeps the opt-out
    region         text        NOT NULL,               -- ISO 3166-1 of the numbering plan, or '001'
    number_type    text        NOT NULL,
    masked         text        NOT NULL,               -- the last two digits behind dots, for people
    created_at     timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (account_id, address_id)
);
CREATE UNIQUE INDEX address_lookup ON address (account_id, lookup_hash);

-- Where a person's address came from; a blank never erases, so rows are only added.
CREATE TABLE person_address (
    account_id     text        NOT NULL,
    person_id      text        NOT NULL,
    address_id     uuid        NOT NULL,
    source         text        NOT NULL,
    first_seen_at  timestamptz NOT NULL,
    replaced_another boolean   NOT NULL DEFAULT false,
    recorded_at    timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (account_id, person_id, address_id, source)
);
CREATE INDEX person_address_by_address ON person_address (account_id, address_id);

-- The present verdict for an address. Every change locks it FOR UPDATE, every claim FOR SHARE, in ascending address_id and after
-- the notification rows. Intake makes it before anything refers to it: locking a row that does not exist locks nothing.
CREATE TABLE gate (
    account_id     text        NOT NULL,
    address_id     uuid        NOT NULL,
    verdicts       jsonb       NOT NULL DEFAULT '{}',   -- see consent.Verdicts: what the ledger's entries add up to
    stopped        boolean     NOT NULL DEFAULT false,  -- an opt-out of all channels and categories is in force
    chain_length   bigint      NOT NULL DEFAULT 0 CHECK (chain_length >= 0),
    chain_head     bytea       NOT NULL DEFAULT '\x',
    updated_at     timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (account_id, address_id),
    FOREIGN KEY (account_id, address_id) REFERENCES address
) WITH (fillfactor = 80);

-- The gate's history: append-only, chained. An entry hashes a salted commitment of its content, so that erasure removes
-- content and salt and the chain still verifies.
CREATE TABLE consent_entry (
    account_id     text        NOT NULL,
    address_id     uuid        NOT NULL,
    seq            bigint      NOT NULL CHECK (seq >= 1),
    person_id      text,
    channel        text        NOT NULL CHECK (channel IN ('all', 'sms', 'voice', 'whatsapp')),
    category       text        NOT NULL CHECK (category IN ('all', 'transactional', 'fraud', 'marketing', 'team')),
    sender_scope   text        NOT NULL DEFAULT '',     -- '' is every scope of the account
    verdict        text        NOT NULL CHECK (verdict IN ('granted', 'revoked', 'unknown')),
    source         text        NOT NULL,                -- keyword, 21610, given_in_transaction, stripe.metadata, import, api, …
    actor          text        NOT NULL,                -- recipient, provider, caller's name, operator's name
    occurred_at    timestamptz NOT NULL,
    recorded_at    timestamptz NOT NULL DEFAULT clock_timestamp(),
    data_key_id    text,
    content        bytea,                               -- encrypted: wording, its version and language, reference, raw reply
    salt           bytea,
    commitment     bytea       NOT NULL CHECK (octet_length(commitment) = 32),
    previous_hash  bytea       NOT NULL,
    entry_hash     bytea       NOT NULL CHECK (octet_length(entry_hash) = 32),
    PRIMARY KEY (account_id, address_id, seq),
    FOREIGN KEY (account_id, address_id) REFERENCES gate
);
CREATE INDEX consent_entry_by_person ON consent_entry (account_id, person_id) WHERE person_id IS NOT NULL;

-- --------------------------------------------------------------------------------------------------- policy and templates

CREATE TABLE policy_version (
    account_id     text        NOT NULL,
    version        integer     NOT NULL CHECK (version >= 1),
    sha256         bytea       NOT NULL,
    body           text        NOT NULL,
    applied_at     timestamptz NOT NULL DEFAULT now(),
    applied_by     text        NOT NULL,
    PRIMARY KEY (account_id, version)
);

CREATE TABLE template_version (
    account_id     text        NOT NULL,
    template       text        NOT NULL,
    variant        text        NOT NULL,
    language       text        NOT NULL,
    version        integer     NOT NULL CHECK (version >= 1),
    origin         text        NOT NULL CHECK (origin IN ('shipped', 'operator')),
    body           text        NOT NULL,
    sha256         bytea       NOT NULL,
    created_at     timestamptz NOT NULL DEFAULT now(),
    created_by     text        NOT NULL,
    PRIMARY KEY (account_id, template, variant, language, version)
);

-- Which version is in force. Moving it back is the roll-back.
CREATE TABLE template_pointer (
    account_id     text        NOT NULL,
    template       text        NOT NULL,
    variant        text        NOT NULL,
    language       text        NOT NULL,
    version        integer     NOT NULL,
    moved_at       timestamptz NOT NULL DEFAULT now(),
    moved_by       text        NOT NULL,
    PRIMARY KEY (account_id, template, variant, language),
    FOREIGN KEY (account_id, template, variant, language, version) REFERENCES template_version
);

-- ------------------------------------------------------------------------------------------------------------ notifications

-- One message to one recipient, for ever: its id is derived from (caller, account, request_id), so its primary key is the
-- guard against doubles. It holds no number and no text.
CREATE TABLE notification (
    account_id      text        NOT NULL,
    notification_id uuid        NOT NULL,
    caller          text        NOT NULL,
    request_id      text        NOT NULL,
    round           integer     NOT NULL CHECK (round >= 1),
    content_hash    bytea       NOT NULL CHECK (octet_length(content_hash) = 32),
    created_on      date        NOT NULL,               -- UTC day of the database's clock: the partition of its body and attempts
    state           text        NOT NULL CHECK (state IN (
                        'queued', 'sending', 'unresolved', 'accepted', 'sent', 'delivered', 'read', 'undelivered', 'failed',
                        'delivery_unknown', 'suppressed', 'handed_back', 'cancelled', 'expired', 'held')),
    reason          text,
    provider_code   integer     NOT NULL DEFAULT 0,
    detail          text,
    sender_scope    text        NOT NULL DEFAULT '',
    sender          text        NOT NULL DEFAULT '',    -- the pacing unit: a configured sender's name, never a number
    concern         text        NOT NULL,
    kind            text        NOT NULL,
    labels          jsonb       NOT NULL DEFAULT '{}',
    role            text        NOT NULL CHECK (role IN ('customer', 'team')),
    message_class   text        NOT NULL CHECK (message_class IN ('transactional', 'transactional_urgent', 'marketing', 'team')),
    lane            smallint    NOT NULL CHECK (lane BETWEEN 1 AND 4),
    channels        text[]      NOT NULL,               -- those still to try, in order
    failed_channels text[]      NOT NULL DEFAULT '{}',  -- those that failed for certain: no later round brings them back
    person_id       text        NOT NULL,
    address_id      uuid,
    template        text        NOT NULL,
    variant         text        NOT NULL,
    template_version integer    NOT NULL DEFAULT 0,
    language        text        NOT NULL DEFAULT '',
    segments        smallint    NOT NULL DEFAULT 0,
    policy_version  integer     NOT NULL,
    consent_seqs    bigint[]    NOT NULL DEFAULT '{}',  -- entries of this address's ledger that allowed it
    challenge_id    text,
    not_after       timestamptz NOT NULL,               -- business time
    truth_read_at   timestamptz NOT NULL,               -- business time
    due_at          timestamptz,                        -- business time; when the row is to be claimed, or its next round makes sense
    if_not_now      text        NOT NULL CHECK (if_not_now IN ('hand_back', 'hold', 'drop')),
    if_unresolved   text        NOT NULL CHECK (if_unresolved IN ('resend_once', 'hold')),
    attempts        smallint    NOT NULL DEFAULT 0,
    last_sid        text,
    possible_duplicate boolean  NOT NULL DEFAULT false,
    traceparent     text        NOT NULL DEFAULT '',
    created_at      timestamptz NOT NULL DEFAULT clock_timestamp(),   -- database's clock
    business_created_at timestamptz NOT NULL,
    state_at        timestamptz NOT NULL,               -- business time
    PRIMARY KEY (account_id, notification_id),
    CHECK ((state IN ('queued', 'handed_back')) = (due_at IS NOT NULL)),
    CHECK (state IN ('suppressed', 'handed_back', 'cancelled', 'expired') OR address_id IS NOT NULL)
) WITH (fillfactor = 85);
-- What can be claimed, in the order of claiming.
CREATE INDEX notification_due ON notification (account_id, sender, lane, due_at, notification_id) WHERE state = 'queued';
-- What waits for a person, and what of it is too late.
CREATE INDEX notification_held ON notification (account_id, not_after) WHERE state = 'held';
CREATE INDEX notification_concern ON notification (account_id, concern, notification_id);
CREATE INDEX notification_person ON notification (account_id, person_id, business_created_at DESC);
CREATE INDEX notification_address_open ON notification (account_id, address_id)
    WHERE state IN ('queued', 'sending', 'unresolved');

-- How far each sender's pace is spent. Replicas take slices of a quarter second from it, so that together they never send faster
-- than the sender may; it is touched a few times a second, whatever the traffic.
CREATE TABLE sender_pace (
    account_id      text        NOT NULL,
    sender          text        NOT NULL,
    spent_until     timestamptz NOT NULL,               -- database's clock
    PRIMARY KEY (account_id, sender)
) WITH (fillfactor = 50);

-- The text of a notification and what it was made from, encrypted; kept as long as policy says, then dropped by the day.
CREATE TABLE notification_body (
    account_id      text        NOT NULL,
    created_on      date        NOT NULL,
    notification_id uuid        NOT NULL,
    round           integer     NOT NULL,
    data_key_id     text        NOT NULL,
    ciphertext      bytea       NOT NULL,
    PRIMARY KEY (account_id, created_on, notification_id, round)
) PARTITION BY RANGE (created_on);

-- One create call to the provider. The row is committed before a byte leaves. created_on is the notification's day, not the
-- attempt's: that makes "at most one open attempt per notification" a unique index of a partitioned table.
CREATE TABLE attempt (
    account_id      text        NOT NULL,
    created_on      date        NOT NULL,
    notification_id uuid        NOT NULL,
    number          smallint    NOT NULL CHECK (number >= 1),
    token           bytea       NOT NULL CHECK (octet_length(token) = 16),  -- in the status callback's address: a witness
    channel         text        NOT NULL CHECK (channel IN ('sms', 'voice', 'whatsapp')),
    sender          text        NOT NULL,
    address_id      uuid        NOT NULL,
    state           text        NOT NULL CHECK (state IN ('intent', 'accepted', 'rejected', 'not_sent', 'unknown', 'abandoned')),
    body_hash       bytea       NOT NULL,               -- what a listing is matched by, beside number, sender and time
    not_after       timestamptz NOT NULL,               -- database's clock: no byte leaves after it; with the state it is the lease
    sid             text,
    witness         text        CHECK (witness IN ('response', 'callback', 'listing')),
    status          text,                               -- the provider's last word; only moves forward by rank
    status_rank     smallint    NOT NULL DEFAULT -1,
    provider_code   integer     NOT NULL DEFAULT 0,
    detail          text,
    empty_listings  smallint    NOT NULL DEFAULT 0,
    check_at        timestamptz,                        -- database's clock: when the resolver or the sweep looks at it next
    possible_duplicate boolean  NOT NULL DEFAULT false,
    accepted_late   boolean     NOT NULL DEFAULT false,
    created_at      timestamptz NOT NULL DEFAULT clock_timestamp(),
    business_at     timestamptz NOT NULL,
    resolved_at     timestamptz,
    PRIMARY KEY (account_id, created_on, notification_id, number),
    FOREIGN KEY (account_id, notification_id) REFERENCES notification,
    CHECK (state NOT IN ('accepted') OR sid IS NOT NULL)
) PARTITION BY RANGE (created_on);
CREATE UNIQUE INDEX attempt_one_open ON attempt (account_id, created_on, notification_id) WHERE state IN ('intent', 'unknown');
CREATE UNIQUE INDEX attempt_token ON attempt (account_id, created_on, token);
CREATE UNIQUE INDEX attempt_sid ON attempt (account_id, created_on, sid) WHERE sid IS NOT NULL;
CREATE INDEX attempt_check ON attempt (account_id, check_at) WHERE check_at IS NOT NULL;
CREATE INDEX attempt_by_address ON attempt (account_id, address_id, created_at) WHERE state IN ('intent', 'unknown');

-- What the carrier said, once each.
CREATE TABLE receipt (
    account_id      text        NOT NULL,
    created_on      date        NOT NULL,
    notification_id uuid        NOT NULL,
    number          smallint    NOT NULL,
    status          text        NOT NULL,
    provider_code   integer     NOT NULL DEFAULT 0,
    sid             text        NOT NULL,
    source          text        NOT NULL CHECK (source IN ('callback', 'listing', 'sweep')),
    received_at     timestamptz NOT NULL DEFAULT clock_timestamp(),
    business_at     timestamptz NOT NULL,
    PRIMARY KEY (account_id, created_on, notification_id, number, status, provider_code)
) PARTITION BY RANGE (created_on);

-- A signed callback that names no attempt we know: kept a day, counted, tried again by the resolver.
CREATE TABLE orphan_receipt (
    account_id      text        NOT NULL,
    sid             text        NOT NULL,
    status          text        NOT NULL,
    provider_code   integer     NOT NULL DEFAULT 0,
    received_at     timestamptz NOT NULL DEFAULT clock_timestamp(),
    PRIMARY KEY (account_id, sid, status, provider_code)
);

-- The checks a notification passed or failed, with what each rested on.
CREATE TABLE gate_check (
    account_id      text        NOT NULL,
    created_on      date        NOT NULL,
    notification_id uuid        NOT NULL,
    round           integer     NOT NULL,
    checks          jsonb       NOT NULL,               -- [{name, verdict, sentence, details, at}]
    PRIMARY KEY (account_id, created_on, notification_id, round)
) PARTITION BY RANGE (created_on);

-- A cancelled concern: refuses what was true only before as_of. Outlives every not_after.
CREATE TABLE concern_cancel (
    account_id      text        NOT NULL,
    caller          text        NOT NULL,
    concern         text        NOT NULL,
    as_of           timestamptz NOT NULL,
    expires_at      timestamptz NOT NULL,
    recorded_at     timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (account_id, caller, concern)
);

-- ------------------------------------------------------------------------------------------------------------------ replies

-- Every reply, once, for ever; at the same time the durable queue of replies to act on.
CREATE TABLE inbound (
    account_id      text        NOT NULL,
    sid             text        NOT NULL,
    address_id      uuid,
    channel         text        NOT NULL CHECK (channel IN ('sms', 'voice', 'whatsapp')),
    received_on     date        NOT NULL,
    received_at     timestamptz NOT NULL DEFAULT clock_timestamp(),
    business_at     timestamptz NOT NULL,
    provider_at     timestamptz,
    state           text        NOT NULL CHECK (state IN ('received', 'done', 'set_aside')),
    meaning         text,                               -- stop, start, help, answer, other
    detail          text,
    tries           smallint    NOT NULL DEFAULT 0,
    PRIMARY KEY (account_id, sid)
);
CREATE INDEX inbound_open ON inbound (account_id, received_at) WHERE state = 'received';
CREATE INDEX inbound_by_address ON inbound (account_id, address_id, received_at);

CREATE TABLE inbound_payload (
    account_id      text        NOT NULL,
    received_on     date        NOT NULL,
    sid             text        NOT NULL,
    data_key_id     text        NOT NULL,
    ciphertext      bytea       NOT NULL,
    PRIMARY KEY (account_id, received_on, sid)
) PARTITION BY RANGE (received_on);

-- A question whose answer decides something, answered at most once.
CREATE TABLE challenge (
    account_id      text        NOT NULL,
    challenge_id    text        NOT NULL,
    caller          text        NOT NULL,
    concern         text        NOT NULL,
    moves_money     boolean     NOT NULL,
    answer_within   interval    NOT NULL,
    answer_by       timestamptz NOT NULL,
    code_number     integer     NOT NULL DEFAULT 0,     -- the n the code is derived from, with the challenge's id
    wrong_codes     smallint    NOT NULL DEFAULT 0,
    state           text        NOT NULL CHECK (state IN ('open', 'decided')),
    answer          text,
    strength        text,
    channel         text,
    provider_sid    text,
    created_at      timestamptz NOT NULL DEFAULT now(),
    decided_at      timestamptz,
    PRIMARY KEY (account_id, challenge_id),
    CHECK ((state = 'decided') = (answer IS NOT NULL))
);
CREATE INDEX challenge_open ON challenge (account_id, answer_by) WHERE state = 'open';

-- What callers are told later. Leased when pulled, given again until acknowledged.
CREATE TABLE outcome (
    account_id      text        NOT NULL,
    outcome_id      uuid        NOT NULL,
    caller          text        NOT NULL,
    kind            text        NOT NULL CHECK (kind IN ('ended', 'handed_back', 'decided', 'corrected')),
    notification_id uuid,
    request_id      text        NOT NULL DEFAULT '',
    round           integer     NOT NULL DEFAULT 0,
    concern         text        NOT NULL,
    payload         jsonb       NOT NULL,
    occurred_at     timestamptz NOT NULL,               -- business time
    created_at      timestamptz NOT NULL DEFAULT clock_timestamp(),
    leased_until    timestamptz NOT NULL DEFAULT '-infinity',   -- database's clock
    acknowledged_at timestamptz,
    PRIMARY KEY (account_id, outcome_id)
);
CREATE INDEX outcome_open ON outcome (account_id, caller, created_at, outcome_id) WHERE acknowledged_at IS NULL;
CREATE INDEX outcome_by_notification ON outcome (account_id, notification_id);

-- How far the polls have read at the provider.
CREATE TABLE poll_cursor (
    account_id      text        NOT NULL,
    poll            text        NOT NULL,
    read_until      timestamptz NOT NULL,
    updated_at      timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (account_id, poll)
);

-- migrate:down
DROP TABLE poll_cursor, outcome, challenge, inbound_payload, inbound, concern_cancel, gate_check, orphan_receipt, receipt, attempt, sender_pace,
    notification_body, notification, template_pointer, template_version, policy_version, consent_entry, gate, person_address, address, clock;
