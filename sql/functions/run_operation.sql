-- Runs an operation by its name, and returns what it made or why it is refused.
--
-- Refusals of the arguments (WL001 to WL003, WL012) are raised. All other refusals are returned,
-- and nothing is done. For wallet.run_with_key(); nobody else may execute it.
--
-- Locks: what the operation locks, until the caller's transaction ends.
-- Refusals, the first that applies:
--   WL001 invalid_email
--   WL002 invalid_amount
--   WL003 same_account
--   WL012 batch_too_large
-- All others are returned.
--
--   SELECT (wallet.run_operation('reverse', '{"transaction_id": 2}')).transaction;

BEGIN;

SET LOCAL ROLE wallet_owner;

CREATE OR REPLACE FUNCTION wallet.run_operation(operation text, arguments jsonb)
RETURNS wallet.keyed_result
LANGUAGE plpgsql
VOLATILE
AS $$
DECLARE
    v_amount numeric := (run_operation.arguments ->> 'amount')::numeric;
    v_result wallet.keyed_result;
    v_sqlstate text;
    v_message text;
    v_detail text;
    v_hint text;
BEGIN
    v_result.replayed := false;
    CASE run_operation.operation
        WHEN 'create_account' THEN
            v_result.account := wallet.create_account(run_operation.arguments ->> 'email');
        WHEN 'reverse' THEN
            v_result.transaction := wallet.reverse(
                (run_operation.arguments ->> 'transaction_id')::bigint);
        WHEN 'transfer_batch' THEN
            v_result.results := ARRAY(SELECT o FROM wallet.transfer_batch(
                ARRAY(SELECT r FROM jsonb_populate_recordset(
                    NULL::wallet.transfer_request, run_operation.arguments -> 'transfers') r),
                (run_operation.arguments ->> 'atomic')::boolean) o);
        WHEN 'enqueue_transfer' THEN
            v_result.results := ARRAY[wallet.enqueue_transfer(
                (run_operation.arguments ->> 'source_account_id')::bigint,
                (run_operation.arguments ->> 'target_account_id')::bigint, v_amount)];
        WHEN 'transfer_or_enqueue' THEN
            v_result.results := ARRAY[wallet.transfer_or_enqueue(
                (run_operation.arguments ->> 'source_account_id')::bigint,
                (run_operation.arguments ->> 'target_account_id')::bigint, v_amount,
                (run_operation.arguments ->> 'wait')::numeric)];
    END CASE;
    RETURN v_result;
EXCEPTION WHEN
    SQLSTATE 'WL004' OR SQLSTATE 'WL005' OR SQLSTATE 'WL006' OR SQLSTATE 'WL007'
    OR SQLSTATE 'WL008' OR SQLSTATE 'WL009' OR SQLSTATE 'WL010'
THEN
    GET STACKED DIAGNOSTICS v_sqlstate = RETURNED_SQLSTATE, v_message = MESSAGE_TEXT,
        v_detail = PG_EXCEPTION_DETAIL, v_hint = PG_EXCEPTION_HINT;
    v_result.refusal := ROW(v_sqlstate, v_message, v_detail, v_hint)::wallet.refusal;
    RETURN v_result;
END
$$;

COMMENT ON FUNCTION wallet.run_operation(text, jsonb) IS
    'Runs an operation by its name, and returns what it made or why it is refused. '
    'Refusals: WL001 invalid_email, WL002 invalid_amount, WL003 same_account, '
    'WL012 batch_too_large';

REVOKE ALL ON FUNCTION wallet.run_operation(text, jsonb) FROM PUBLIC;

COMMIT;
