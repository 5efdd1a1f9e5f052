-- Claims the idempotency keys of many requests, and returns what is to become of each request.
--
-- A claim's state is run, when the request has no key or has claimed it; replay, when the key's row
-- has the result; reused, when the key was used for another request; locked, when somebody else
-- held a key of the group for `wait` milliseconds. A request that has a key gets its transaction's
-- id here, and the key's row has that id from the start, so a key costs one INSERT. A request with
-- arguments that are refused claims nothing. For run_group(); nobody else may execute it.
--
-- Locks: the keys, in their order, until the caller's transaction ends.
-- Refusals: none of class WL; 22023 for a bad key.
--
--   SELECT c.state FROM unnest(wallet.claim_keys('{"(transfer,1,2,5.00,k-1)"}', wait => 20)) c;

BEGIN;

SET LOCAL ROLE wallet_owner;

CREATE OR REPLACE FUNCTION wallet.claim_keys(requests wallet.group_request[], wait int)
RETURNS wallet.claim[]
LANGUAGE plpgsql
VOLATILE
AS $$
DECLARE
    v_setting text := current_setting('lock_timeout');
    v_ids bigint[];
    v_hashes bytea[];
    v_locked boolean := false;
BEGIN
    PERFORM wallet.check_key(r.idempotency_key)
    FROM unnest(claim_keys.requests) r WHERE r.idempotency_key IS NOT NULL;

    -- One id for each key, in the requests' order. Only a request that could be made has a hash.
    SELECT array_agg(CASE WHEN r.idempotency_key IS NOT NULL
               THEN nextval('wallet.transaction_id_seq') END),
           array_agg(CASE WHEN (wallet.check_request(
                   r.source_account_id, r.target_account_id, r.amount)).sqlstate IS NULL
               THEN wallet.hash_request(jsonb_build_array(r.operation, r.source_account_id,
                   r.target_account_id, wallet.round_amount(r.amount))) END)
    INTO v_ids, v_hashes
    FROM unnest(claim_keys.requests) r;

    BEGIN
        IF claim_keys.wait IS NOT NULL THEN
            PERFORM set_config('lock_timeout', claim_keys.wait::text, true);
        END IF;
        INSERT INTO wallet.idempotency_key (key, request_hash, transaction_id, ctime)
        SELECT f.idempotency_key, f.hash, f.id, clock_timestamp()
        FROM (
            SELECT DISTINCT ON (r.idempotency_key) r.idempotency_key, r.hash, r.id
            FROM unnest(claim_keys.requests, v_ids, v_hashes) AS r (
                operation, source_account_id, target_account_id, amount, idempotency_key, id, hash)
            WHERE r.idempotency_key IS NOT NULL AND r.hash IS NOT NULL
            ORDER BY r.idempotency_key, r.id
        ) f
        ORDER BY f.idempotency_key
        ON CONFLICT DO NOTHING;
        PERFORM set_config('lock_timeout', v_setting, true);
    EXCEPTION WHEN lock_not_available THEN
        v_locked := true;
    END;

    RETURN ARRAY(
        SELECT ROW(CASE
            WHEN r.idempotency_key IS NULL OR k.transaction_id = r.id THEN 'run'
            -- Its own refusal, unless the key was used before it.
            WHEN r.hash IS NULL AND (k.key IS NULL OR k.transaction_id > r.id) THEN 'run'
            WHEN v_locked OR k.key IS NULL THEN 'locked'
            WHEN r.hash IS NULL OR k.request_hash <> r.hash THEN 'reused'
            ELSE 'replay' END, r.id, NULL)::wallet.claim
        FROM unnest(claim_keys.requests, v_ids, v_hashes) WITH ORDINALITY AS r (
            operation, source_account_id, target_account_id, amount, idempotency_key, id, hash,
            place)
        LEFT JOIN wallet.idempotency_key k ON k.key = r.idempotency_key
        ORDER BY r.place);
END
$$;

COMMENT ON FUNCTION wallet.claim_keys(wallet.group_request[], int) IS
    'Claims the idempotency keys of many requests, and returns what is to become of each request. '
    'Refusals: none of class WL; 22023 for a bad key';

REVOKE ALL ON FUNCTION wallet.claim_keys(wallet.group_request[], int) FROM PUBLIC;

COMMIT;
