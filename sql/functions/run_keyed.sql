-- Runs one deposit, withdrawal or transfer, once for its idempotency key.
--
-- A retry gets the same result, even if it was a refusal, so that a late duplicate cannot succeed
-- after the caller was told no. But refusals of the arguments (WL002, WL003) are raised and leave
-- no trace. It keeps keys as run_group() does: the key's row is written first, with the id that the
-- transaction will have. A key belongs to its actor; NULL is session_user. For the functions that
-- take an idempotency_key; nobody else may execute it.
--
-- Locks: the key, then the accounts by ascending id, until the caller's transaction ends.
-- Refusals, the first that applies:
--   22023 invalid_parameter_value  the key is not 1 to 255 printable ASCII characters
--   WL011 idempotency_key_reused   the key was used for another request
--   WL002 invalid_amount
--   WL003 same_account
-- All others are part of the result.
--
--   SELECT (wallet.run_keyed('(deposit,,1,5.00,k-1,ada,,)')).transaction;

BEGIN;

SET LOCAL ROLE wallet_owner;

CREATE OR REPLACE FUNCTION wallet.run_keyed(request wallet.group_request)
RETURNS wallet.operation_result
LANGUAGE plpgsql
VOLATILE
AS $$
DECLARE
    v_request wallet.group_request := run_keyed.request;
    v_refusal wallet.refusal := wallet.check_request(
        v_request.source_account_id, v_request.target_account_id, v_request.amount);
    v_hash bytea := wallet.hash_request(v_request);
    v_id bigint;
    v_known wallet.idempotency_key;
    v_result wallet.operation_result;
BEGIN
    v_request.actor := coalesce(v_request.actor, session_user);
    PERFORM wallet.check_key(v_request.idempotency_key);
    IF v_refusal.sqlstate IS NULL THEN
        INSERT INTO wallet.idempotency_key AS k (actor, key, request_hash, transaction_id, ctime)
        VALUES (v_request.actor, v_request.idempotency_key, v_hash,
                nextval('wallet.transaction_id_seq'), clock_timestamp())
        ON CONFLICT DO NOTHING
        RETURNING k.transaction_id INTO v_id;
    END IF;

    IF v_id IS NULL THEN
        SELECT k.actor, k.key, k.request_hash, k.ctime, k.transaction_id, k.account_id,
               k.transaction_ids, k.results, k.refusal, k.hold
        INTO v_known
        FROM wallet.idempotency_key k
        WHERE k.actor = v_request.actor AND k.key = v_request.idempotency_key;
        IF FOUND AND v_known.request_hash <> v_hash THEN
            PERFORM wallet.raise_refusal(wallet.refusal('WL011'));
        ELSIF v_refusal.sqlstate IS NOT NULL THEN
            PERFORM wallet.raise_refusal(v_refusal);
        ELSIF NOT FOUND THEN
            -- Purged between the two statements: it is a new key again.
            RETURN wallet.run_keyed(v_request);
        END IF;
        RETURN wallet.replay_result(v_known);
    END IF;

    v_result := wallet.post(
        v_request.source_account_id, v_request.target_account_id, v_request.amount,
        v_request.operation <> 'transfer', v_request.actor, v_id,
        reference => v_request.reference, metadata => v_request.metadata);
    IF (v_result.refusal).sqlstate IS NOT NULL THEN
        UPDATE wallet.idempotency_key k SET transaction_id = NULL, refusal = v_result.refusal
        WHERE k.actor = v_request.actor AND k.key = v_request.idempotency_key;
    END IF;
    RETURN v_result;
END
$$;

COMMENT ON FUNCTION wallet.run_keyed(wallet.group_request) IS
    'Runs one deposit, withdrawal or transfer, once for its idempotency key. '
    'Refusals: 22023 for a bad key, WL011 idempotency_key_reused, WL002 invalid_amount, '
    'WL003 same_account';

REVOKE ALL ON FUNCTION wallet.run_keyed(wallet.group_request) FROM PUBLIC;

COMMIT;
