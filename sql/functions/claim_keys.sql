-- Claims the idempotency keys of many requests, and returns what is to become of each request.
--
-- A claim's state is run, when the request has no key or has claimed it; replay, when the key's row
-- has the result; reused, when the key was used for another request; locked, when somebody else
-- held the key for `wait` milliseconds. A request that has a key gets its transaction's
-- id here, and the key's row has that id from the start, so a key costs one INSERT. A request with
-- arguments that are refused claims nothing. A key belongs to its request's actor, who must be
-- named. For run_group(); nobody else may execute it.
--
-- Locks: the keys, by actor and key, until the caller's transaction ends.
-- Refusals: none of class WL; 22023 for a bad key or operation.
--
--   SELECT c.state FROM unnest(wallet.claim_keys('{"(transfer,1,2,5,k,ada,,)"}', wait => 20)) c;

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
    v_invalid boolean;
    v_keys wallet.idempotency_key[];
    v_key wallet.idempotency_key;
BEGIN
    PERFORM wallet.check_key(r.idempotency_key)
    FROM unnest(claim_keys.requests) r WHERE r.idempotency_key IS NOT NULL;

    -- One id for each key, in the requests' order. Only a request that could be made has a hash.
    SELECT array_agg(CASE WHEN r.idempotency_key IS NOT NULL
               THEN nextval('wallet.transaction_id_seq') END),
           array_agg(CASE WHEN (wallet.check_request(
                   r.source_account_id, r.target_account_id, r.amount)).sqlstate IS NULL
               THEN wallet.hash_request(jsonb_build_array(r.operation, r.source_account_id,
                   r.target_account_id, wallet.round_amount(r.amount), r.reference,
                   r.metadata)) END),
           bool_or((r.operation = 'transfer'
               OR (r.operation = 'deposit' AND r.source_account_id IS NULL)
               OR (r.operation = 'withdraw' AND r.target_account_id IS NULL)) IS NOT TRUE)
    INTO v_ids, v_hashes, v_invalid FROM unnest(claim_keys.requests) r;
    IF v_invalid THEN
        RAISE EXCEPTION USING ERRCODE = 'invalid_parameter_value', MESSAGE = 'invalid operation',
            DETAIL = 'A request of the group is no deposit, withdrawal or transfer.',
            HINT = 'Give deposit without a source, withdraw without a target, or transfer.';
    END IF;

    v_keys := ARRAY(
        SELECT DISTINCT ON (r.actor, r.idempotency_key) ROW(r.actor, r.idempotency_key, r.hash,
               clock_timestamp(), r.id, NULL, NULL, NULL, NULL, NULL)::wallet.idempotency_key
        FROM unnest(claim_keys.requests, v_ids, v_hashes) AS r (
            operation, source_account_id, target_account_id, amount, idempotency_key, actor,
            reference, metadata, id, hash)
        WHERE r.idempotency_key IS NOT NULL AND r.hash IS NOT NULL
        ORDER BY r.actor, r.idempotency_key, r.id);
    BEGIN
        PERFORM set_config('lock_timeout', coalesce(claim_keys.wait::text, v_setting), true);
        INSERT INTO wallet.idempotency_key (actor, key, request_hash, transaction_id, ctime)
        SELECT f.actor, f.key, f.request_hash, f.transaction_id, f.ctime
        FROM unnest(v_keys) f ORDER BY f.actor, f.key
        ON CONFLICT DO NOTHING;
    EXCEPTION WHEN lock_not_available THEN
        -- One by one, without a wait to speak of: this tells the locked keys from the free ones.
        PERFORM set_config('lock_timeout', '1', true);
        FOREACH v_key IN ARRAY v_keys LOOP
            BEGIN
                INSERT INTO wallet.idempotency_key VALUES (v_key.*) ON CONFLICT DO NOTHING;
            EXCEPTION WHEN lock_not_available THEN CONTINUE;
            END;
        END LOOP;
    END;
    PERFORM set_config('lock_timeout', v_setting, true);

    RETURN ARRAY(
        SELECT ROW(CASE
            WHEN r.idempotency_key IS NULL OR k.transaction_id = r.id THEN 'run'
            -- Its own refusal, unless the key was used before it.
            WHEN r.hash IS NULL AND (k.key IS NULL OR k.transaction_id > r.id) THEN 'run'
            WHEN k.key IS NULL THEN 'locked'
            WHEN r.hash IS NULL OR k.request_hash <> r.hash THEN 'reused'
            ELSE 'replay' END, r.id, NULL)::wallet.claim
        FROM unnest(claim_keys.requests, v_ids, v_hashes) WITH ORDINALITY AS r (
            operation, source_account_id, target_account_id, amount, idempotency_key, actor,
            reference, metadata, id, hash, place)
        LEFT JOIN wallet.idempotency_key k ON k.actor = r.actor AND k.key = r.idempotency_key
        ORDER BY r.place);
END
$$;

COMMENT ON FUNCTION wallet.claim_keys(wallet.group_request[], int) IS
    'Claims the idempotency keys of many requests, and returns what is to become of each request. '
    'Refusals: none of class WL; 22023 for a bad key or operation';

REVOKE ALL ON FUNCTION wallet.claim_keys(wallet.group_request[], int) FROM PUBLIC;

COMMIT;
