-- Checks the ledger, and returns a row for each violation: none when it is sound.
--
-- Without an account it checks the whole ledger, sums included; with one, that account's entries
-- and transactions. The files sql/functions/audit_*.sql list the kinds of violations. It reads one
-- snapshot, on a live system, and keeps nobody waiting.
--
-- Locks: nothing.
-- Refusals: WL004 account_not_found, when an account is named.
--
--   SELECT * FROM wallet.audit();

BEGIN;

SET LOCAL ROLE wallet_owner;

CREATE OR REPLACE FUNCTION wallet.audit(account_id bigint DEFAULT NULL)
RETURNS SETOF wallet.violation
LANGUAGE plpgsql
STABLE
SECURITY DEFINER
SET search_path = wallet, pg_temp
-- The same text serves one account, through the indexes, and all of them, which are read through.
SET plan_cache_mode = force_custom_plan
AS $$
BEGIN
    IF audit.account_id IS NOT NULL THEN
        PERFORM wallet.get_account(audit.account_id);
    END IF;

    RETURN QUERY SELECT v.violation, v.account_id, v.transaction_id, v.detail
    FROM wallet.audit_entries(audit.account_id) v;
    RETURN QUERY SELECT v.violation, v.account_id, v.transaction_id, v.detail
    FROM wallet.audit_transactions(audit.account_id) v;
    RETURN QUERY SELECT v.violation, v.account_id, v.transaction_id, v.detail
    FROM wallet.audit_reversals(audit.account_id) v;
    RETURN QUERY SELECT v.violation, v.account_id, v.transaction_id, v.detail
    FROM wallet.audit_queue(audit.account_id) v;
    RETURN QUERY SELECT v.violation, v.account_id, v.transaction_id, v.detail
    FROM wallet.audit_limits(audit.account_id) v;
    RETURN QUERY SELECT v.violation, v.account_id, v.transaction_id, v.detail
    FROM wallet.audit_holds(audit.account_id) v;
END
$$;

COMMENT ON FUNCTION wallet.audit(bigint) IS
    'Checks the ledger, and returns a row for each violation: none when it is sound. '
    'Refusals: WL004 account_not_found, when an account is named';

REVOKE ALL ON FUNCTION wallet.audit(bigint) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION wallet.audit(bigint) TO wallet_app, wallet_reader;

COMMIT;
