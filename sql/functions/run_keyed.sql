-- Runs one deposit, withdrawal or transfer, once for its idempotency key.
--
-- A retry gets the same result, even if it was a refusal, so that a late duplicate cannot succeed
-- after the caller was told no. But refusals of the arguments (WL002, WL003) are raised and leave
-- no trace. It is run_group() for one request. For the functions that take an idempotency_key;
-- nobody else may execute it.
--
-- Locks: the key, then the accounts by ascending id, until the caller's transaction ends.
-- Refusals, the first that applies:
--   22023 invalid_parameter_value  the key is not 1 to 255 printable ASCII characters
--   WL011 idempotency_key_reused   the key was used for another request
--   WL002 invalid_amount
--   WL003 same_account
-- All others are part of the result. 55P03 when a lock takes longer than lock_timeout.
--
--   SELECT (wallet.run_keyed('(deposit,,1,5.00,k-1)')).transaction;

BEGIN;

SET LOCAL ROLE wallet_owner;

CREATE OR REPLACE FUNCTION wallet.run_keyed(request wallet.group_request)
RETURNS wallet.keyed_result
LANGUAGE plpgsql
VOLATILE
AS $$
DECLARE
    v_group wallet.group_result;
    v_refusal wallet.refusal;
    v_result wallet.keyed_result;
BEGIN
    PERFORM wallet.check_key((run_keyed.request).idempotency_key);
    SELECT g.replayed, g.transaction, g.refusal, g.locked_account_id INTO v_group
    FROM wallet.run_group(ARRAY[run_keyed.request]) g;

    v_refusal := v_group.refusal;
    IF v_refusal.sqlstate IN ('WL002', 'WL003', 'WL011') THEN
        PERFORM wallet.raise_refusal(v_refusal);
    ELSIF v_refusal.sqlstate IS NULL AND (v_group.transaction).id IS NULL THEN
        RAISE EXCEPTION USING ERRCODE = 'lock_not_available',
            MESSAGE = CASE WHEN v_group.locked_account_id IS NULL THEN 'key locked'
                           ELSE 'account locked' END,
            DETAIL = format('It stayed locked for %s.', current_setting('lock_timeout')),
            HINT = 'Try again later. wallet.account_wait shows who holds an account.';
    END IF;
    v_result.replayed := v_group.replayed;
    v_result.transaction := v_group.transaction;
    v_result.refusal := v_refusal;
    RETURN v_result;
END
$$;

COMMENT ON FUNCTION wallet.run_keyed(wallet.group_request) IS
    'Runs one deposit, withdrawal or transfer, once for its idempotency key. '
    'Refusals: 22023 for a bad key, WL011 idempotency_key_reused, WL002 invalid_amount, '
    'WL003 same_account';

REVOKE ALL ON FUNCTION wallet.run_keyed(wallet.group_request) FROM PUBLIC;

COMMIT;
