-- Deploy pgwallet:limit_change to pg
-- requires: domains
-- requires: functions/refuse_change

BEGIN;

SET LOCAL ROLE wallet_owner;

CREATE TABLE wallet.limit_change (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    account_id bigint NOT NULL,
    entry wallet.entry_count NOT NULL,
    minimum wallet.balance NOT NULL,
    maximum wallet.balance NOT NULL,
    ctime timestamptz NOT NULL,
    actor wallet.actor NOT NULL
);

CREATE INDEX limit_change_account ON wallet.limit_change (account_id, entry, id);

CREATE TRIGGER limit_change_history BEFORE UPDATE OR DELETE OR TRUNCATE ON wallet.limit_change
    FOR EACH STATEMENT EXECUTE FUNCTION wallet.refuse_change();
ALTER TABLE wallet.limit_change ENABLE ALWAYS TRIGGER limit_change_history;

COMMENT ON TABLE wallet.limit_change IS
    'Limits that an account was given. A row, once there, is never changed or deleted';
COMMENT ON COLUMN wallet.limit_change.id IS
    'From 1, in an account''s order: it is given while the account is locked';
COMMENT ON COLUMN wallet.limit_change.account_id IS 'The account';
COMMENT ON COLUMN wallet.limit_change.entry IS
    'The account''s last entry at that time; the limits are in force for those after it';
COMMENT ON COLUMN wallet.limit_change.minimum IS 'What the balance may not fall below from then on';
COMMENT ON COLUMN wallet.limit_change.maximum IS 'What the balance may not pass from then on';
COMMENT ON COLUMN wallet.limit_change.ctime IS 'When they were set';
COMMENT ON COLUMN wallet.limit_change.actor IS
    'Who asked for it: the API key''s name, or the role that called';

GRANT SELECT ON wallet.limit_change TO wallet_reader;

COMMIT;
