-- Writes to the event log what was done, and who asked for it.
--
-- `actor` is who asked for it; NULL is the role that called, session_user. `event` is the name of
-- the function that did it. For the functions that change something beside the ledger; nobody else
-- may execute it.
--
-- Locks: nothing.
-- Refusals: none.
--
--   SELECT wallet.log_event('ada', 'freeze_account', account_id => 1);

BEGIN;

SET LOCAL ROLE wallet_owner;

CREATE OR REPLACE FUNCTION wallet.log_event(
    actor text, event text, account_id bigint DEFAULT NULL, transaction_id bigint DEFAULT NULL,
    detail text DEFAULT NULL
)
RETURNS void
LANGUAGE plpgsql
VOLATILE
AS $$
BEGIN
    INSERT INTO wallet.event_log (actor, event, account_id, transaction_id, detail)
    VALUES (coalesce(log_event.actor, session_user), log_event.event, log_event.account_id,
            log_event.transaction_id, log_event.detail);
END
$$;

COMMENT ON FUNCTION wallet.log_event(text, text, bigint, bigint, text) IS
    'Writes to the event log what was done, and who asked for it. Refusals: none';

REVOKE ALL ON FUNCTION wallet.log_event(text, text, bigint, bigint, text) FROM PUBLIC;

COMMIT;
