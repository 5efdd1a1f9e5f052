-- Deploy pgwallet_citus:functions/replay_result to pg
-- requires: nodes

BEGIN;

SET LOCAL ROLE wallet_owner;

-- A key's node may have committed when the node of what it made has only prepared: wait for it.
ALTER FUNCTION wallet.replay_result(wallet.idempotency_key) SET SCHEMA wallet_plain;

CREATE FUNCTION wallet.replay_result(known wallet.idempotency_key)
RETURNS wallet.operation_result
LANGUAGE plpgsql
VOLATILE
AS $$
DECLARE
    v_began timestamptz := clock_timestamp();
    v_ids bigint[] := array_remove(
        (replay_result.known).transaction_ids || (replay_result.known).transaction_id, NULL);
    v_account_id bigint := (replay_result.known).account_id;
BEGIN
    LOOP
        EXIT WHEN (SELECT count(*) FROM wallet.transaction t WHERE t.id = ANY (v_ids))
                + (SELECT count(*) FROM wallet.account a WHERE a.id = v_account_id)
                = cardinality(v_ids) + num_nonnulls(v_account_id);
        IF clock_timestamp() > v_began + interval '1 second' THEN
            RAISE EXCEPTION USING ERRCODE = 'lock_not_available', MESSAGE = 'not there yet',
                DETAIL = 'A node has prepared what the key made, and has yet to commit it.',
                HINT = 'Try again later.';
        END IF;
        PERFORM pg_sleep(0.01);
    END LOOP;
    RETURN wallet_plain.replay_result(replay_result.known);
END
$$;

REVOKE ALL ON FUNCTION wallet.replay_result(wallet.idempotency_key) FROM PUBLIC;

COMMIT;
