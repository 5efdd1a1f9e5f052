-- Deploy pgwallet_citus:functions/run_group to pg
-- requires: nodes

BEGIN;

SET LOCAL ROLE wallet_owner;

-- Each request by itself, one after another: together they take one two-phase commit. Whoever holds
-- something waits for a moment at most and is left out then, so no two groups wait for each other.
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
    v_request wallet.group_request;
    v_made wallet.operation_result;
    v_refusal wallet.refusal;
    v_locked bigint;
    v_left_out text[] := '{}';
BEGIN
    -- Refuses a bad key or operation before anything is done.
    PERFORM wallet.check_key(r.idempotency_key)
    FROM unnest(run_group.requests) r WHERE r.idempotency_key IS NOT NULL;
    IF EXISTS (
        SELECT FROM unnest(run_group.requests) r
        WHERE (r.operation = 'transfer'
               OR (r.operation = 'deposit' AND r.source_account_id IS NULL)
               OR (r.operation = 'withdraw' AND r.target_account_id IS NULL)) IS NOT TRUE)
    THEN
        RAISE EXCEPTION USING ERRCODE = 'invalid_parameter_value', MESSAGE = 'invalid operation',
            DETAIL = 'A request of the group is no deposit, withdrawal or transfer.',
            HINT = 'Give deposit without a source, withdraw without a target, or transfer.';
    END IF;

    FOREACH v_request IN ARRAY run_group.requests LOOP
        v_made := ROW(false, NULL, NULL, NULL, NULL, NULL);
        v_locked := NULL;
        -- Twins of what was left out under a key wait for it.
        IF (v_request.actor, v_request.idempotency_key)::text = ANY (v_left_out) THEN
            RETURN NEXT ROW(false, NULL, NULL, NULL)::wallet.group_result;
            CONTINUE;
        END IF;
        BEGIN
            EXECUTE format('SET LOCAL lock_timeout = %s', v_wait);
            IF v_request.idempotency_key IS NULL THEN
                v_made := wallet.post(
                    v_request.source_account_id, v_request.target_account_id, v_request.amount,
                    v_request.operation <> 'transfer', v_request.actor,
                    reference => v_request.reference, metadata => v_request.metadata);
            ELSE
                v_made := wallet.run_keyed(v_request);
            END IF;
        EXCEPTION
            WHEN lock_not_available THEN
                IF v_request.idempotency_key IS NOT NULL THEN
                    v_left_out :=
                        v_left_out || (v_request.actor, v_request.idempotency_key)::text;
                END IF;
                SELECT min(i) INTO v_locked
                FROM unnest(ARRAY[v_request.source_account_id, v_request.target_account_id]) i
                WHERE i IS NOT NULL AND NOT wallet.is_free(i);
            WHEN OTHERS THEN
                IF SQLSTATE !~ '^WL' THEN
                    RAISE;
                END IF;
                GET STACKED DIAGNOSTICS v_refusal.message = MESSAGE_TEXT,
                    v_refusal.detail = PG_EXCEPTION_DETAIL, v_refusal.hint = PG_EXCEPTION_HINT;
                v_refusal.sqlstate := SQLSTATE;
                v_made.refusal := v_refusal;
        END;
        RETURN NEXT ROW(v_made.replayed, v_made.transaction, v_made.refusal, v_locked)
            ::wallet.group_result;
        v_wait := least(nullif(v_wait, 0), 20);
    END LOOP;
    EXECUTE format('SET LOCAL lock_timeout = %L', v_setting);
END
$$;

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
