-- migrate:up

-- A reply that cannot be handled is tried again when it is due, ever rarer. A START that meets a STOP of its number is `undated`:
-- it waits until the provider says which of the two was written later.
ALTER TABLE inbound ADD COLUMN due_at timestamptz NOT NULL DEFAULT '-infinity';      -- database's clock
ALTER TABLE inbound ALTER COLUMN due_at SET DEFAULT clock_timestamp();
ALTER TABLE inbound DROP CONSTRAINT inbound_state_check;
ALTER TABLE inbound ADD CONSTRAINT inbound_state_check CHECK (state IN ('received', 'undated', 'done', 'set_aside'));
DROP INDEX inbound_open;
CREATE INDEX inbound_open ON inbound (account_id, state, due_at) WHERE state <> 'done';

-- migrate:down
DROP INDEX inbound_open;
UPDATE inbound SET state = 'received' WHERE state = 'undated';
ALTER TABLE inbound DROP CONSTRAINT inbound_state_check;
ALTER TABLE inbound ADD CONSTRAINT inbound_state_check CHECK (state IN ('received', 'done', 'set_aside'));
ALTER TABLE inbound DROP COLUMN due_at;
CREATE INDEX inbound_open ON inbound (account_id, received_at) WHERE state = 'received';
