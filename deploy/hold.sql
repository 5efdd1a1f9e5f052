-- Deploy pgwallet:hold to pg
-- requires: account
-- requires: functions/refuse_change

BEGIN;

SET LOCAL ROLE wallet_owner;

-- Rows change, but are never deleted. The sweep finds what is due through the second index.
CREATE TABLE wallet.hold (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    account_id bigint NOT NULL,
    amount wallet.amount NOT NULL,
    captured wallet.held NOT NULL DEFAULT 0.00,
    state wallet.hold_state NOT NULL DEFAULT 'held',
    expires_at timestamptz NOT NULL,
    ctime timestamptz NOT NULL,
    actor wallet.actor NOT NULL,
    CONSTRAINT hold_captured_of_amount CHECK (captured <= amount)
) WITH (fillfactor = 80);

CREATE INDEX hold_account ON wallet.hold (account_id, id);
CREATE INDEX hold_due ON wallet.hold (expires_at) WHERE state = 'held';

CREATE TRIGGER hold_history BEFORE DELETE OR TRUNCATE ON wallet.hold
    FOR EACH STATEMENT EXECUTE FUNCTION wallet.refuse_change();
ALTER TABLE wallet.hold ENABLE ALWAYS TRIGGER hold_history;

COMMENT ON TABLE wallet.hold IS
    'Money that is reserved. A row changes only while its account is locked; it is never deleted';
COMMENT ON COLUMN wallet.hold.id IS 'From 1; the order of ids is not the order of commits';
COMMENT ON COLUMN wallet.hold.account_id IS 'The account whose money is reserved';
COMMENT ON COLUMN wallet.hold.amount IS '0.01 or more, in hundredths';
COMMENT ON COLUMN wallet.hold.captured IS 'How much of it was taken; never more than the amount';
COMMENT ON COLUMN wallet.hold.state IS
    'held, captured, released or expired. What is not held any more has no money of the account';
COMMENT ON COLUMN wallet.hold.expires_at IS
    'When it is due. From then on it can be neither captured nor released, and the sweep ends it';
COMMENT ON COLUMN wallet.hold.ctime IS 'When it was made; taken while the account was locked';
COMMENT ON COLUMN wallet.hold.actor IS
    'Who asked for it: the API key''s name, or the role that called';

GRANT SELECT ON wallet.hold TO wallet_reader;

COMMIT;
