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
    -- A row for each request, with a hash if the request could be made.
    v_keys wallet.idempotency_key[];
    v_key wallet.idempotency_key;
    v_are_new boolean := false;
BEGIN
    PERFORM wallet.check_group(claim_keys.requests);
    IF NOT EXISTS (
        SELECT FROM unnest(claim_keys.requests) r WHERE r.idempotency_key IS NOT NULL)
    THEN
        RETURN array_fill('(run,,)'::wallet.claim, ARRAY[cardinality(claim_keys.requests)]);
    END IF;
    v_keys := ARRAY(SELECT CASE WHEN r.idempotency_key IS NOT NULL THEN ROW(
            r.actor, r.idempotency_key, CASE WHEN (wallet.check_request(
                    r.source_account_id, r.target_account_id, r.amount)).sqlstate IS NULL
                THEN wallet.hash_request(r) END,
            clock_timestamp(), nextval('wallet.transaction_id_seq'),
            NULL, NULL, NULL, NULL, NULL)::wallet.idempotency_key END
        FROM unnest(claim_keys.requests) r);
    BEGIN
        PERFORM set_config('lock_timeout', coalesce(claim_keys.wait::text, v_setting), true);
        BEGIN
            -- Most often each is new. ON CONFLICT would look for each key once more.
            INSERT INTO wallet.idempotency_key (actor, key, request_hash, ctime, transaction_id)
            SELECT f.actor, f.key, f.request_hash, f.ctime, f.transaction_id
            FROM unnest(v_keys) f WHERE f.request_hash IS NOT NULL ORDER BY f.actor, f.key;
            v_are_new := true;
        EXCEPTION WHEN unique_violation THEN
            -- The first of several with one key has it.
            INSERT INTO wallet.idempotency_key (actor, key, request_hash, ctime, transaction_id)
            SELECT f.actor, f.key, f.request_hash, f.ctime, f.transaction_id
            FROM unnest(v_keys) f WHERE f.request_hash IS NOT NULL
            ORDER BY f.actor, f.key, f.transaction_id ON CONFLICT DO NOTHING;
        END;
    EXCEPTION WHEN lock_not_available THEN
        -- One by one, without a wait to speak of: this tells the locked keys from the free ones.
        PERFORM set_config('lock_timeout', '1', true);
        FOREACH v_key IN ARRAY ARRAY(
            SELECT f FROM unnest(v_keys) f WHERE f.request_hash IS NOT NULL
            ORDER BY f.actor, f.key, f.transaction_id)
        LOOP
            BEGIN
                INSERT INTO wallet.idempotency_key VALUES (v_key.*) ON CONFLICT DO NOTHING;
            EXCEPTION WHEN lock_not_available THEN CONTINUE;
            END;
        END LOOP;
    END;
    PERFORM set_config('lock_timeout', v_setting, true);

    RETURN ARRAY(
        SELECT ROW(CASE
            WHEN r.key IS NULL OR (v_are_new AND r.request_hash IS NOT NULL)
                OR k.transaction_id = r.transaction_id THEN 'run'
            -- Its own refusal, unless the key was used before it.
            WHEN r.request_hash IS NULL AND (k.key IS NULL OR k.transaction_id > r.transaction_id)
                THEN 'run'
            WHEN k.key IS NULL THEN 'locked'
            WHEN r.request_hash IS NULL OR k.request_hash <> r.request_hash THEN 'reused'
            ELSE 'replay' END, r.transaction_id, NULL)::wallet.claim
        FROM unnest(v_keys) WITH ORDINALITY r
        LEFT JOIN wallet.idempotency_key k ON k.actor = r.actor
            AND k.key = CASE WHEN NOT v_are_new OR r.request_hash IS NULL THEN r.key END
        ORDER BY r.ordinality);
END
$$;

COMMENT ON FUNCTION wallet.claim_keys(wallet.group_request[], int) IS
    'Claims the idempotency keys of many requests, and returns what is to become of each request. '
    'Refusals: none of class WL; 22023 for a bad key or operation';

REVOKE ALL ON FUNCTION wallet.claim_keys(wallet.group_request[], int) FROM PUBLIC;

COMMIT;
