-- migrate:up

-- account_id is the first column of every key and named by every statement on the hot path: it is the column by which these
-- tables can be distributed. An account is one Stripe account in one mode: test and live are two accounts.

-- The one offset of business time. Moved only in the sandbox; leases and dates of arrival never use it.
CREATE TABLE clock (
    only_row       boolean     PRIMARY KEY DEFAULT true CHECK (only_row),
    offset_seconds bigint      NOT NULL DEFAULT 0
);
INSERT INTO clock DEFAULT VALUES;

-- -------------------------------------------------------------------------------------------------------------------- inbox

-- Every event ever accepted, once, for ever; at the same time the durable queue of events to fold. Lane is set from the type.
CREATE TABLE event (
    account_id     text        NOT NULL,
    event_id       text        NOT NULL,
    type           text        NOT NULL,
    api_version    text        NOT NULL DEFAULT '',
    lane           smallint    NOT NULL CHECK (lane BETWEEN 1 AND 4),
    source         text        NOT NULL CHECK (source IN ('webhook', 'poll', 'backfill', 'replay')),
    created_at     timestamptz NOT NULL,                -- Stripe's, business time
    received_on    date        NOT NULL,                -- UTC day of the database's clock: the partition of its payload
    received_at    timestamptz NOT NULL DEFAULT clock_timestamp(),
    business_at    timestamptz NOT NULL,
    state          text        NOT NULL CHECK (state IN ('received', 'folded', 'ignored', 'set_aside')),
    reason         text,                                -- why it was ignored or set aside, and what to do
    tries          smallint    NOT NULL DEFAULT 0,
    due_at         timestamptz NOT NULL DEFAULT '-infinity',    -- database's clock: after a failure, not before
    folded_at      timestamptz,
    PRIMARY KEY (account_id, event_id)
) WITH (fillfactor = 85);
CREATE INDEX event_open ON event (account_id, lane, due_at, event_id) WHERE state = 'received';
CREATE INDEX event_set_aside ON event (account_id, received_at) WHERE state = 'set_aside';

-- The raw bytes as Stripe signed them, encrypted; kept as long as retention says, then dropped by the day.
CREATE TABLE event_payload (
    account_id     text        NOT NULL,
    received_on    date        NOT NULL,
    event_id       text        NOT NULL,
    data_key_id    text        NOT NULL,
    ciphertext     bytea       NOT NULL,
    PRIMARY KEY (account_id, received_on, event_id)
) PARTITION BY RANGE (received_on);

-- ------------------------------------------------------------------------------------------------- what Stripe's objects are

-- The last state of an object that events told us, folded so that the order of events does not matter.
CREATE TABLE subject (
    account_id     text        NOT NULL,
    subject_id     text        NOT NULL,                -- Stripe's id: in_…, pi_…, ch_…, re_…, sub_…
    kind           text        NOT NULL,
    status         text        NOT NULL DEFAULT '',
    customer_id    text,
    as_of          timestamptz NOT NULL,                -- the newest event.created folded in
    facts          jsonb       NOT NULL DEFAULT '{}',   -- plain: ids, times, amounts, flags; see folding.Subject
    data_key_id    text,
    contact        bytea,                               -- encrypted: whom a charge or payment names
    updated_at     timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (account_id, subject_id),
    CHECK ((contact IS NULL) = (data_key_id IS NULL))
) WITH (fillfactor = 80);
-- The bills of a subscription that may still be open, for the day it ends.
CREATE INDEX subject_unpaid ON subject (account_id, (facts->>'subscription'))
    WHERE kind = 'invoice' AND status NOT IN ('paid', 'void');

-- What belongs to what: payment_intent -> invoice, charge -> payment_intent. Fed by every event and by look-ups. '' means: looked up, nothing.
CREATE TABLE alias (
    account_id     text        NOT NULL,
    alias_id       text        NOT NULL,
    target_kind    text        NOT NULL,
    target_id      text        NOT NULL,
    learned_from   text        NOT NULL,                -- an event's id, or 'lookup'
    learned_at     timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (account_id, alias_id, target_kind)
);

-- The customer mirror: numbers with provenance, name, languages, address, as one encrypted blob.
CREATE TABLE customer (
    account_id     text        NOT NULL,
    customer_id    text        NOT NULL,
    as_of          timestamptz NOT NULL,
    deleted        boolean     NOT NULL DEFAULT false,
    data_key_id    text,
    ciphertext     bytea,                               -- NULL only inside the transaction that makes the row
    updated_at     timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (account_id, customer_id)
) WITH (fillfactor = 80);

-- -------------------------------------------------------------------------------------------------------- facts and concerns

-- What happened in the business, once, for ever. Several events tell of one fact; fact_key names it: payment_failed:in_1:2.
CREATE TABLE fact (
    account_id     text        NOT NULL,
    fact_key       text        NOT NULL,
    kind           text        NOT NULL,
    concern        text        NOT NULL,
    subject_id     text        NOT NULL,
    customer_id    text,
    lane           smallint    NOT NULL CHECK (lane BETWEEN 1 AND 4),
    occurred_at    timestamptz NOT NULL,                -- business time
    amount         bigint,                              -- minor units, as the buyer saw it
    exponent       smallint,
    currency       text,
    charged_amount bigint,                              -- what was charged, where the buyer saw another currency
    charged_exponent smallint,
    charged_currency text,
    event_id       text        NOT NULL,                -- the first event that told of it
    state          text        NOT NULL CHECK (state IN ('held', 'looking_up', 'ready', 'planned', 'dropped')),
    reason         text,                                -- why it was dropped, or what it waits for
    due_at         timestamptz,                         -- business time; set while held or ready
    leased_until   timestamptz NOT NULL DEFAULT '-infinity',    -- database's clock, while a look-up is under way
    lease          uuid,                                -- fences what a look-up writes: an event that tells more takes it away
    tries          smallint    NOT NULL DEFAULT 0,
    rules_epoch    integer,
    rules_hash     bytea,
    data_key_id    text        NOT NULL,
    details        bytea       NOT NULL,                -- encrypted: everything a rule or a template may ask for
    recorded_at    timestamptz NOT NULL DEFAULT clock_timestamp(),
    planned_at     timestamptz,
    PRIMARY KEY (account_id, fact_key),
    CHECK ((state IN ('held', 'looking_up', 'ready')) = (due_at IS NOT NULL)),
    CHECK (state <> 'planned' OR rules_hash IS NOT NULL)
) WITH (fillfactor = 85);
CREATE INDEX fact_open ON fact (account_id, lane, due_at, fact_key) WHERE state IN ('held', 'looking_up', 'ready');
CREATE INDEX fact_concern ON fact (account_id, concern);
CREATE INDEX fact_held ON fact (account_id, subject_id) WHERE state = 'held';

-- Which events told of which fact.
CREATE TABLE fact_event (
    account_id     text        NOT NULL,
    fact_key       text        NOT NULL,
    event_id       text        NOT NULL,
    effect         text        NOT NULL,                -- created, enriched, joined, answered
    PRIMARY KEY (account_id, fact_key, event_id)
);
CREATE INDEX fact_event_by_event ON fact_event (account_id, event_id);

-- What messages are about, with an end. A settled concern stays settled, whatever arrives later about the time before.
CREATE TABLE concern (
    account_id     text        NOT NULL,
    concern        text        NOT NULL,
    state          text        NOT NULL CHECK (state IN ('open', 'settled')),
    opened_at      timestamptz NOT NULL,
    settled_at     timestamptz,                         -- business time at which it was known to be over
    settled_by     text,                                -- the fact or event that settled it
    part_of        text,                                -- the concern whose end is its end as well
    updated_at     timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (account_id, concern),
    CHECK ((state = 'settled') = (settled_at IS NOT NULL))
);

-- ------------------------------------------------------------------------------------------------------------ rules and plans

-- The rules in force are the row with the highest epoch.
CREATE TABLE rules_version (
    account_id     text        NOT NULL,
    epoch          integer     NOT NULL CHECK (epoch >= 1),
    sha256         bytea       NOT NULL,
    data_key_id    text        NOT NULL,
    body           bytea       NOT NULL,                -- encrypted: rules name people and their numbers
    applied_at     timestamptz NOT NULL DEFAULT now(),
    applied_by     text        NOT NULL,
    PRIMARY KEY (account_id, epoch)
);

-- The ladder for one (concern, recipient, flow): at most one open.
CREATE TABLE plan (
    account_id     text        NOT NULL,
    plan_id        uuid        NOT NULL,                -- derived from (account, concern, recipient, flow, generation)
    concern        text        NOT NULL,
    recipient      text        NOT NULL,                -- 'customer', 'team:finance'
    flow           text        NOT NULL,
    generation     integer     NOT NULL DEFAULT 1,      -- rises where on_repeat says restart
    rule           text        NOT NULL,
    rules_epoch    integer     NOT NULL,
    customer_id    text,
    lane           smallint    NOT NULL CHECK (lane BETWEEN 1 AND 4),
    fact_key       text        NOT NULL,                -- the newest fact it speaks of
    state          text        NOT NULL CHECK (state IN ('open', 'done', 'settled', 'superseded')),
    opened_at      timestamptz NOT NULL,
    closed_at      timestamptz,
    data_key_id    text        NOT NULL,
    variables      bytea       NOT NULL,                -- encrypted; refreshed by every further fact of the concern
    note           text,                                -- who is asked first, and why; no personal data
    PRIMARY KEY (account_id, plan_id),
    UNIQUE (account_id, concern, recipient, flow, generation),
    CHECK ((state = 'open') = (closed_at IS NULL))
) WITH (fillfactor = 80);
CREATE UNIQUE INDEX plan_one_open ON plan (account_id, concern, recipient, flow) WHERE state = 'open';
CREATE INDEX plan_customer ON plan (account_id, customer_id, opened_at DESC);

-- Which facts a plan was made of.
CREATE TABLE plan_fact (
    account_id     text        NOT NULL,
    fact_key       text        NOT NULL,
    plan_id        uuid        NOT NULL,
    effect         text        NOT NULL,                -- opened, joined, said_again, restarted, settled
    PRIMARY KEY (account_id, fact_key, plan_id)
);

-- One message of a plan. The frozen request is stored before its first byte leaves and resent byte for byte until answered.
CREATE TABLE step (
    account_id     text        NOT NULL,
    plan_id        uuid        NOT NULL,
    number         smallint    NOT NULL CHECK (number >= 1),
    name           text        NOT NULL,
    lane           smallint    NOT NULL CHECK (lane BETWEEN 1 AND 4),
    concern        text        NOT NULL,
    state          text        NOT NULL CHECK (state IN (
                       'waiting', 'frozen', 'submitted', 'sent', 'suppressed', 'failed', 'cancelled', 'expired', 'skipped', 'rejected')),
    reason         text,
    due_at         timestamptz,                         -- business time; set exactly while waiting or frozen
    not_after      timestamptz NOT NULL,                -- business time
    request_id     text        NOT NULL,
    round          integer     NOT NULL DEFAULT 1,
    notification_id uuid,
    asks           boolean     NOT NULL DEFAULT false,  -- Stripe must be asked whether it is still so: taken by whoever looks
    truth          text,                                -- how the truth was known: 'fact', 'record', 'stripe'
    truth_read_at  timestamptz,
    data_key_id    text,
    frozen         bytea,                               -- encrypted bytes of the NotificationRequest
    leased_until   timestamptz NOT NULL DEFAULT '-infinity',    -- database's clock
    lease          uuid,                                -- fences the writes of whoever holds it
    tries          smallint    NOT NULL DEFAULT 0,
    result         jsonb,                               -- what notify answered, without personal data
    updated_at     timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (account_id, plan_id, number),
    UNIQUE (account_id, request_id),
    FOREIGN KEY (account_id, plan_id) REFERENCES plan,
    CHECK ((state IN ('waiting', 'frozen')) = (due_at IS NOT NULL)),
    CHECK ((state = 'frozen') <= (frozen IS NOT NULL))
) WITH (fillfactor = 80);
-- What must be looked up at Stripe is a queue of its own, so that it stands in nobody's way however long it grows.
CREATE INDEX step_open ON step (account_id, asks, lane, due_at, plan_id, number) WHERE state IN ('waiting', 'frozen');
CREATE INDEX step_concern ON step (account_id, concern);

-- A concern that notify must be told is over: retried until answered.
CREATE TABLE cancel (
    account_id     text        NOT NULL,
    concern        text        NOT NULL,
    as_of          timestamptz NOT NULL,
    state          text        NOT NULL CHECK (state IN ('waiting', 'answered')),
    due_at         timestamptz NOT NULL DEFAULT '-infinity',    -- database's clock
    tries          smallint    NOT NULL DEFAULT 0,
    result         jsonb,
    recorded_at    timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (account_id, concern)
);
CREATE INDEX cancel_open ON cancel (account_id, due_at) WHERE state = 'waiting';

-- What notify told us later, as it was applied: its id makes applying it twice harmless.
CREATE TABLE outcome_applied (
    account_id     text        NOT NULL,
    outcome_id     uuid        NOT NULL,
    kind           text        NOT NULL,
    request_id     text        NOT NULL,
    round          integer     NOT NULL,
    effect         text        NOT NULL,
    payload        jsonb       NOT NULL,
    occurred_at    timestamptz NOT NULL,
    applied_at     timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (account_id, outcome_id)
);
CREATE INDEX outcome_applied_by_request ON outcome_applied (account_id, request_id);

-- Reads of Stripe per slice of time and endpoint, shared by replicas: each takes a share for all its reads that wait.
CREATE TABLE stripe_budget (
    account_id     text        NOT NULL,
    endpoint       text        NOT NULL,
    slice          timestamptz NOT NULL,
    taken          integer     NOT NULL,
    granted        integer     NOT NULL,                -- the share that was taken last
    PRIMARY KEY (account_id, endpoint)
) WITH (fillfactor = 50);

-- How far the polls have read at Stripe: everything up to read_until, and where a walk down the list stands that is not done yet.
CREATE TABLE poll_cursor (
    account_id     text        NOT NULL,
    poll           text        NOT NULL,
    read_until     timestamptz NOT NULL,
    walk_newest    timestamptz,                         -- the newest event of the walk: read_until, when it is done
    walk_after     text,                                -- the last event that it stored: the next page begins behind it
    updated_at     timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (account_id, poll),
    CHECK ((walk_newest IS NULL) = (walk_after IS NULL))
);

-- ------------------------------------------------------------------------------------------------------- questions and answers

-- What was asked, as it was asked first. No personal data: numbers by where they came from and since when they are known.
CREATE TABLE question (
    account_id     text        NOT NULL,
    challenge_id   text        NOT NULL,                -- derived from (account, plan), and the step where each has its own
    plan_id        uuid        NOT NULL,
    concern        text        NOT NULL,
    flow           text        NOT NULL,
    rule           text        NOT NULL,
    kind           text        NOT NULL,                -- of the fact that it was asked about
    recipient      text        NOT NULL CHECK (recipient IN ('customer', 'team')),
    customer_id    text,
    payment_intent text        NOT NULL,                -- '' where it is about no payment, as the next ones
    charge_id      text        NOT NULL,
    review_id      text        NOT NULL,
    amount         bigint,                              -- minor units as Stripe charged them
    currency       text        NOT NULL,
    standing       text        NOT NULL,                -- uncaptured, captured, blocked
    paid_at        double precision,                    -- Unix seconds of the payment
    asks           jsonb       NOT NULL,                -- what the rule said: time, limits, what each answer does
    trust          text        NOT NULL CHECK (trust IN ('known_before', 'given_with', 'changed', 'team')),
    sources        jsonb       NOT NULL,
    asked_at       timestamptz NOT NULL,                -- business time, as the next one
    answer_by      timestamptz NOT NULL,
    state          text        NOT NULL CHECK (state IN ('open', 'answered', 'over')),
    PRIMARY KEY (account_id, challenge_id)
);
CREATE INDEX question_plan ON question (account_id, plan_id);
CREATE INDEX question_open ON question (account_id, answer_by) WHERE state = 'open';
CREATE INDEX question_concern ON question (account_id, concern);

-- The answer to a question and what is done about it: at most one row a question, and the durable queue of those who act.
CREATE TABLE decision (
    account_id     text        NOT NULL,
    challenge_id   text        NOT NULL,
    answer         text        NOT NULL CHECK (answer IN ('yes', 'no', 'unclear', 'silence', 'unreachable')),
    strength       text        NOT NULL CHECK (strength IN ('none', 'bare', 'coded', 'keypress')),
    channel        text        NOT NULL,
    provider_sid   text        NOT NULL,
    answered_at    timestamptz NOT NULL,                -- business time
    further        text,                                -- another answer that came later and contradicts this one
    chosen         text[],                              -- what a person decided, in place of the rules
    generation     integer     NOT NULL DEFAULT 1,      -- rises with every decision of a person: part of the idempotency keys
    calls          jsonb,                               -- what Stripe is asked to do, stored before the first byte leaves
    state          text        NOT NULL CHECK (state IN ('waiting', 'done', 'held', 'failed')),
    outcome        text        CHECK (outcome IN ('safe', 'stopped', 'acknowledged', 'held', 'nothing')),
    reason         text,
    due_at         timestamptz NOT NULL DEFAULT '-infinity',    -- database's clock, as the next one
    leased_until   timestamptz NOT NULL DEFAULT '-infinity',
    lease          uuid,
    tries          smallint    NOT NULL DEFAULT 0,
    recorded_at    timestamptz NOT NULL DEFAULT now(),
    decided_at     timestamptz,                         -- business time
    PRIMARY KEY (account_id, challenge_id),
    FOREIGN KEY (account_id, challenge_id) REFERENCES question,
    CHECK ((state = 'waiting') = (outcome IS NULL))
);
CREATE INDEX decision_open ON decision (account_id, due_at) WHERE state = 'waiting';
CREATE INDEX decision_held ON decision (account_id, recorded_at) WHERE state IN ('held', 'failed');

-- Every step of a decision: appended, never changed, each entry bound to the one before it. No personal data.
CREATE TABLE decision_audit (
    account_id     text        NOT NULL,
    challenge_id   text        NOT NULL,
    seq            integer     NOT NULL CHECK (seq >= 1),
    at             timestamptz NOT NULL,                -- business time, whole milliseconds
    entry          text        NOT NULL,                -- answered, further_answer, call, stripe, decided, person
    who            text        NOT NULL,                -- recipient, notify, paybell, operator:NAME
    details        text        NOT NULL,                -- canonical JSON, exactly as it was hashed
    previous       bytea       NOT NULL,
    hash           bytea       NOT NULL,
    PRIMARY KEY (account_id, challenge_id, seq)
);
CREATE FUNCTION refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION '% is append-only', TG_TABLE_NAME;
END $$;
CREATE TRIGGER decision_audit_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON decision_audit
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();

-- --------------------------------------------------------------------------------------------------------------------- scans

-- A look at Stripe, or at our own facts, that is due at a time. Of every schedule in force at least one day that is still to come
-- stands here, so that what an outage skipped is known. Their only output is facts.
CREATE TABLE scan (
    account_id     text        NOT NULL,
    scan           text        NOT NULL,                -- renewal:7, trial:3, card:30, digest; trial:sub_1 where an event asks
    scan_window    text        NOT NULL,                -- the day, in the account's zone; the trial's end where an event asks
    event_id       text,                                -- the event that asks
    state          text        NOT NULL CHECK (state IN ('open', 'done')),
    reason         text,
    due_at         timestamptz NOT NULL,                -- business time
    after_id       text        NOT NULL DEFAULT '',     -- the last object of the last page that is committed
    pages          integer     NOT NULL DEFAULT 0,
    told           integer     NOT NULL DEFAULT 0,
    missed         integer     NOT NULL DEFAULT 0,
    lease          uuid,                                -- fences the writes of whoever holds it
    leased_until   timestamptz NOT NULL DEFAULT '-infinity',    -- database's clock
    tries          smallint    NOT NULL DEFAULT 0,
    done_at        timestamptz,                         -- business time
    PRIMARY KEY (account_id, scan, scan_window)
) WITH (fillfactor = 80);
CREATE INDEX scan_open ON scan (account_id, due_at, scan) WHERE state = 'open';

-- Days whose figures a team was told, each closed once. What is recorded later about them goes into the next as late.
CREATE TABLE digest_day (
    account_id     text        NOT NULL,
    day            date        NOT NULL,
    began_at       timestamptz NOT NULL,                -- business time
    closed_at      timestamptz NOT NULL,
    figures        jsonb       NOT NULL,                -- as told so far: see scanning/figures.py
    PRIMARY KEY (account_id, day)
);
CREATE INDEX digest_day_closed ON digest_day (account_id, closed_at);
CREATE INDEX fact_time ON fact (account_id, occurred_at);
CREATE INDEX fact_of_subscription ON fact (account_id, subject_id)
    WHERE kind IN ('renewal_due', 'trial_ending', 'card_expiring', 'subscription_changed', 'subscription_started', 'subscription_ended');

-- -------------------------------------------------------------------------------------------------------------- payment links

-- A link in a text, made with its step. Only a hash of its token stands here; it leads nowhere after `expires_at`.
CREATE TABLE payment_link (
    account_id     text        NOT NULL,
    token_hash     bytea       NOT NULL,                -- SHA-256
    plan_id        uuid        NOT NULL,
    number         smallint    NOT NULL,                -- the step's
    concern        text        NOT NULL,
    subject_id     text        NOT NULL,                -- what is to be paid: in_…, pi_…, ch_…; or needs a card: sub_…, pm_…
    customer_id    text        NOT NULL DEFAULT '',
    made_at        timestamptz NOT NULL,                -- business time
    expires_at     timestamptz NOT NULL,                -- business time
    data_key_id    text        NOT NULL,
    shown          bytea       NOT NULL,                -- encrypted: what the page says of the payment
    PRIMARY KEY (account_id, token_hash),
    CHECK (expires_at <= made_at + interval '7 days')
);

-- ------------------------------------------------------------------------------------------------------------------ webhooks

-- A call of somebody's webhook, stored in the transaction that decided it: the queue of those who call. No personal data.
CREATE TABLE webhook_call (
    account_id     text        NOT NULL,
    plan_id        uuid        NOT NULL,
    cause          text        NOT NULL,                -- step:2, or answer:fulfilment
    call_id        text        NOT NULL,                -- the idempotency key, derived from (account, plan, cause)
    webhook        text        NOT NULL,                -- its name in the rules; where that is, the rules in force say
    body           text        NOT NULL,                -- exactly what is posted, at every try
    state          text        NOT NULL CHECK (state IN ('waiting', 'done', 'set_aside')),
    reason         text,                                -- what came of the last try
    asked_at       timestamptz NOT NULL,                -- business time, as the next one
    ended_at       timestamptz,
    due_at         timestamptz NOT NULL DEFAULT '-infinity',    -- database's clock, as the next ones
    leased_until   timestamptz NOT NULL DEFAULT '-infinity',
    lease          uuid,                                -- fences the writes of whoever holds it
    tries          smallint    NOT NULL DEFAULT 0,
    recorded_at    timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (account_id, plan_id, cause),
    UNIQUE (account_id, call_id),
    FOREIGN KEY (account_id, plan_id) REFERENCES plan
);
CREATE INDEX webhook_call_open ON webhook_call (account_id, due_at) WHERE state = 'waiting';
CREATE INDEX webhook_call_aside ON webhook_call (account_id, recorded_at) WHERE state = 'set_aside';
CREATE INDEX concern_part ON concern (account_id, part_of) WHERE part_of IS NOT NULL;

-- migrate:down
DROP TABLE webhook_call;
DROP TABLE payment_link, digest_day, scan;
DROP TABLE decision_audit, decision, question;
DROP FUNCTION refuse_change;
DROP TABLE poll_cursor, stripe_budget, outcome_applied, cancel, step, plan_fact, plan, rules_version, concern, fact_event, fact,
    customer, alias, subject, event_payload, event, clock;
