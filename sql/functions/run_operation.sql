-- Runs an operation by its name, without an idempotency key, and returns its result.
--
-- For wallet.run_with_key(); nobody else may execute it.
--
-- Locks: what the operation locks, until the caller's transaction ends.
-- Refusals, the first that applies:
--   WL001 invalid_email
--   WL002 invalid_amount
--   WL003 same_account
--   WL012 batch_too_large
-- All others are part of the result.
--
--   SELECT (wallet.run_operation('reverse', '{"transaction_id": 2}', 'ada')).transaction;

BEGIN;

SET LOCAL ROLE wallet_owner;

CREATE OR REPLACE FUNCTION wallet.run_operation(operation text, arguments jsonb, actor text)
RETURNS wallet.operation_result
LANGUAGE plpgsql
VOLATILE
AS $$
DECLARE
    v_source bigint := (run_operation.arguments ->> 'source_account_id')::bigint;
    v_target bigint := (run_operation.arguments ->> 'target_account_id')::bigint;
    v_account bigint := (run_operation.arguments ->> 'account_id')::bigint;
    v_hold bigint := (run_operation.arguments ->> 'hold_id')::bigint;
    v_amount numeric := (run_operation.arguments ->> 'amount')::numeric;
    v_reference text := run_operation.arguments ->> 'reference';
    v_metadata jsonb := nullif(run_operation.arguments -> 'metadata', 'null');
BEGIN
    CASE run_operation.operation
        WHEN 'create_account' THEN
            RETURN wallet.create_account(
                run_operation.arguments ->> 'email', NULL, run_operation.actor, v_reference,
                v_metadata);
        WHEN 'reverse' THEN
            RETURN wallet.reverse((run_operation.arguments ->> 'transaction_id')::bigint,
                                  NULL, run_operation.actor, v_reference, v_metadata);
        WHEN 'transfer_batch' THEN
            RETURN wallet.transfer_batch(
                ARRAY(SELECT r FROM jsonb_populate_recordset(
                    NULL::wallet.transfer_request, run_operation.arguments -> 'transfers') r),
                (run_operation.arguments ->> 'atomic')::boolean, NULL, run_operation.actor,
                ARRAY(SELECT r.reference FROM jsonb_array_elements_text(
                    nullif(run_operation.arguments -> 'reference', 'null')) AS r (reference)),
                ARRAY(SELECT nullif(m.metadata, 'null') FROM jsonb_array_elements(v_metadata)
                    AS m (metadata)));
        WHEN 'enqueue_transfer' THEN
            RETURN wallet.enqueue_transfer(
                v_source, v_target, v_amount, NULL, run_operation.actor, v_reference, v_metadata);
        WHEN 'transfer_or_enqueue' THEN
            RETURN wallet.transfer_or_enqueue(v_source, v_target, v_amount,
                (run_operation.arguments ->> 'wait')::numeric, NULL, run_operation.actor,
                v_reference, v_metadata);
        WHEN 'hold' THEN
            RETURN wallet.hold(v_account, v_amount,
                make_interval(secs => (run_operation.arguments ->> 'seconds')::float8),
                NULL, run_operation.actor);
        WHEN 'capture' THEN
            RETURN wallet.capture(v_hold, v_amount, v_target,
                (run_operation.arguments ->> 'final')::boolean, NULL, run_operation.actor,
                v_reference, v_metadata);
        WHEN 'release' THEN
            RETURN wallet.release(v_hold, NULL, run_operation.actor);
    END CASE;
    RETURN NULL;  -- Not reached: a CASE without a match raises.
END
$$;

COMMENT ON FUNCTION wallet.run_operation(text, jsonb, text) IS
    'Runs an operation by its name, without an idempotency key, and returns its result. '
    'Refusals: WL001 invalid_email, WL002 invalid_amount, WL003 same_account, '
    'WL012 batch_too_large';

REVOKE ALL ON FUNCTION wallet.run_operation(text, jsonb, text) FROM PUBLIC;

COMMIT;
