-- Deploy pgwallet_citus:functions/run_group to pg
-- requires: nodes

BEGIN;

SET LOCAL ROLE wallet_owner;

-- As sql/functions/run_group.sql, with a statement for each key and each account: a statement that
-- locks rows may ask one shard alone. It waits for keys in their order, then for the accounts of the
-- first request, and for nothing else: what is locked beyond that is left out at once. So no two
-- calls wait in a circle. The requests are run one after another, and take one two-phase commit.
CREATE OR REPLACE FUNCTION wallet.run_group(
    requests wallet.group_request[], wait int DEFAULT NULL
)
RETURNS SETOF wallet.group_result
LANGUAGE plpgsql
VOLATILE
SECURITY DEFINER
SET search_path = wallet, pg_temp
AS $$
DECLARE
    v_setting text := current_setting('lock_timeout');
    v_wait int := coalesce(
        run_group.wait, (extract(epoch FROM v_setting::interval) * 1000)::int);
    v_requests wallet.group_request[] := ARRAY(
        SELECT (r.operation, r.source_account_id, r.target_account_id, r.amount, r.idempotency_key,
            coalesce(r.actor, session_user), r.reference, r.metadata)::wallet.group_request
        FROM unnest(requests) r);
    v_request wallet.group_request;
    v_key text;
    -- For each key, the place of the request that claims it, and there what claim_key() returned.
    v_places jsonb := '{}';
    v_place int;
    v_ids bigint[] := '{}';
    v_id bigint;
    v_locked bigint[] := '{}';
    v_locked_id bigint;
    v_made wallet.operation_result;
    v_refusal wallet.refusal;
BEGIN
    PERFORM wallet.check_group(v_requests);
    -- Refused arguments claim no key and need no account.
    FOR v_key, v_place IN
        SELECT DISTINCT ON (r.actor, r.idempotency_key)
               (r.actor, r.idempotency_key)::text, r.ordinality
        FROM unnest(v_requests) WITH ORDINALITY r
        WHERE r.idempotency_key IS NOT NULL AND (wallet.check_request(
            r.source_account_id, r.target_account_id, r.amount)).sqlstate IS NULL
        ORDER BY r.actor, r.idempotency_key, r.ordinality
    LOOP
        v_id := wallet.claim_key(v_requests[v_place], v_wait);
        v_places := v_places || jsonb_build_object(v_key, v_place);
        v_ids[v_place] := v_id;
        IF v_id = 0 THEN
            v_wait := 1;  -- It has waited.
        END IF;
    END LOOP;

    v_request := v_requests[1];
    IF (wallet.check_request(v_request.source_account_id, v_request.target_account_id,
                             v_request.amount)).sqlstate IS NULL THEN
        BEGIN
            PERFORM wallet.lock_accounts(
                ARRAY[v_request.source_account_id, v_request.target_account_id], v_wait);
        EXCEPTION WHEN lock_not_available THEN NULL;
        END;
    END IF;
    FOR v_id IN
        SELECT DISTINCT i.id
        FROM unnest(v_requests) WITH ORDINALITY r
        CROSS JOIN LATERAL (VALUES (r.source_account_id), (r.target_account_id)) AS i (id)
        WHERE i.id IS NOT NULL
          AND (r.idempotency_key IS NULL OR v_ids[r.ordinality] > 0)
          AND (wallet.check_request(
              r.source_account_id, r.target_account_id, r.amount)).sqlstate IS NULL
    LOOP
        CONTINUE WHEN wallet.is_free(v_id);
        PERFORM FROM wallet.account a WHERE a.id = v_id;
        IF FOUND THEN
            v_locked := v_locked || v_id;
        END IF;
    END LOOP;

    FOR v_nth IN 1 .. cardinality(v_requests) LOOP
        v_request := v_requests[v_nth];
        v_place := v_places -> (v_request.actor, v_request.idempotency_key)::text;
        v_id := v_ids[v_place];
        v_locked_id := NULL;
        v_made := ROW(false, NULL, NULL, NULL, NULL, NULL);
        v_refusal := wallet.check_request(
            v_request.source_account_id, v_request.target_account_id, v_request.amount);
        IF v_id = 0 THEN
            NULL;  -- The key is locked.
        ELSIF v_refusal.sqlstate IS NOT NULL
            AND (v_request.idempotency_key IS NULL OR (v_id > 0 AND v_place > v_nth))
        THEN
            v_made.refusal := v_refusal;
        ELSIF v_request.idempotency_key IS NOT NULL AND (v_id > 0 AND v_place = v_nth) IS NOT TRUE
        THEN
            -- The key was used before, if not by a request of this group.
            BEGIN
                v_made := wallet.run_keyed(v_request);
            EXCEPTION
                WHEN lock_not_available THEN NULL;
                WHEN OTHERS THEN
                    IF SQLSTATE !~ '^WL' THEN
                        RAISE;
                    END IF;
                    GET STACKED DIAGNOSTICS v_refusal.message = MESSAGE_TEXT,
                        v_refusal.detail = PG_EXCEPTION_DETAIL,
                        v_refusal.hint = PG_EXCEPTION_HINT;
                    v_refusal.sqlstate := SQLSTATE;
                    v_made.refusal := v_refusal;
            END;
        ELSE
            SELECT min(l) INTO v_locked_id FROM unnest(v_locked) l
            WHERE l IN (v_request.source_account_id, v_request.target_account_id);
            IF v_locked_id IS NULL THEN
                v_made := wallet.post(
                    v_request.source_account_id, v_request.target_account_id, v_request.amount,
                    v_request.operation <> 'transfer', v_request.actor, v_id,
                    reference => v_request.reference, metadata => v_request.metadata);
                IF v_id > 0 AND (v_made.refusal).sqlstate IS NOT NULL THEN
                    UPDATE wallet.idempotency_key k
                    SET transaction_id = NULL, refusal = v_made.refusal
                    WHERE k.actor = v_request.actor AND k.key = v_request.idempotency_key;
                END IF;
            ELSIF v_id > 0 THEN
                -- The key is free again. Others of this group with that key wait for this one.
                v_ids[v_place] := 0;
                DELETE FROM wallet.idempotency_key k
                WHERE k.actor = v_request.actor AND k.key = v_request.idempotency_key;
            END IF;
        END IF;
        RETURN NEXT ROW(v_made.replayed, v_made.transaction, v_made.refusal, v_locked_id)
            ::wallet.group_result;
    END LOOP;
    PERFORM wallet.set_lock_timeout(v_setting);
END
$$;

CREATE FUNCTION wallet.claim_key(request wallet.group_request, wait int)
RETURNS bigint
LANGUAGE plpgsql
VOLATILE
AS $$
DECLARE
    v_request wallet.group_request := claim_key.request;
    v_id bigint;
BEGIN
    PERFORM wallet.set_lock_timeout(claim_key.wait::text);
    INSERT INTO wallet.idempotency_key AS k (actor, key, request_hash, transaction_id, ctime)
    VALUES (v_request.actor, v_request.idempotency_key,
            wallet.hash_request(v_request),
            nextval('wallet.transaction_id_seq'), clock_timestamp())
    ON CONFLICT DO NOTHING
    RETURNING k.transaction_id INTO v_id;
    RETURN v_id;
EXCEPTION WHEN lock_not_available THEN
    RETURN 0;
END
$$;

COMMENT ON FUNCTION wallet.claim_key(wallet.group_request, int) IS
    'Claims a request''s key and returns the id of its transaction; NULL if the key was used '
    'before, 0 if somebody else still holds it. Refusals: none';

REVOKE ALL ON FUNCTION wallet.claim_key(wallet.group_request, int) FROM PUBLIC;

CREATE FUNCTION wallet.is_free(account_id bigint)
RETURNS boolean
LANGUAGE plpgsql
VOLATILE
AS $$
BEGIN
    PERFORM FROM wallet.account a WHERE a.id = is_free.account_id
    FOR NO KEY UPDATE SKIP LOCKED;
    RETURN FOUND;
END
$$;

COMMENT ON FUNCTION wallet.is_free(bigint) IS
    'Returns whether nobody else holds an account, and locks it then. Refusals: none';

REVOKE ALL ON FUNCTION wallet.is_free(bigint) FROM PUBLIC;

COMMIT;
