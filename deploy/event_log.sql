-- Deploy pgwallet:event_log to pg
-- requires: domains
-- requires: functions/refuse_change

BEGIN;

SET LOCAL ROLE wallet_owner;

-- No column holds an email address: what is erased elsewhere must not stay here.
CREATE TABLE wallet.event_log (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    ctime timestamptz NOT NULL DEFAULT clock_timestamp(),
    actor wallet.actor NOT NULL,
    event text NOT NULL,
    account_id bigint,
    transaction_id bigint,
    detail text
);

CREATE TRIGGER event_log_history BEFORE UPDATE OR DELETE OR TRUNCATE ON wallet.event_log
    FOR EACH STATEMENT EXECUTE FUNCTION wallet.refuse_change();
ALTER TABLE wallet.event_log ENABLE ALWAYS TRIGGER event_log_history;

COMMENT ON TABLE wallet.event_log IS
    'What was done beside moving money, and who asked for it. A row, once there, is never changed '
    'or deleted';
COMMENT ON COLUMN wallet.event_log.id IS 'From 1; the order of ids is not the order of commits';
COMMENT ON COLUMN wallet.event_log.ctime IS 'When it was done';
COMMENT ON COLUMN wallet.event_log.actor IS
    'Who asked for it: the API key''s name, or the role that called';
COMMENT ON COLUMN wallet.event_log.event IS 'The function that did it: freeze_account, …';
COMMENT ON COLUMN wallet.event_log.account_id IS 'The account that it was done to, if any';
COMMENT ON COLUMN wallet.event_log.transaction_id IS 'The transaction that it was done to, if any';
COMMENT ON COLUMN wallet.event_log.detail IS 'What else there is to say; never an email address';

GRANT SELECT ON wallet.event_log TO wallet_reader;

COMMIT;
