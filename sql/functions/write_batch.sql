-- Writes what wallet.decide_batch() decided: the transactions that succeeded, and their accounts.
--
-- It runs one UPDATE and one INSERT, whatever their number. The nth `reference` and `metadata` are
-- those of the nth result, and are kept if it succeeded. For the functions that called
-- decide_batch() in the same transaction, and so hold the locks; nobody else may execute it.
--
-- Locks: the accounts' rows, which are locked already.
-- Refusals: none of class WL; 22023 for a bad annotation.
--
--   SELECT wallet.write_batch(wallet.decide_batch('{}', '{"(1,2,5.00)"}', NULL, NULL));

BEGIN;

SET LOCAL ROLE wallet_owner;

CREATE OR REPLACE FUNCTION wallet.write_batch(
    results wallet.transfer_result[], reference text[] DEFAULT NULL, metadata jsonb[] DEFAULT NULL
)
RETURNS void
LANGUAGE plpgsql
VOLATILE
-- One plan for any number of transfers, made once a session: it finds accounts by their index.
SET plan_cache_mode = force_generic_plan
SET enable_seqscan = off
AS $$
BEGIN
    -- Each account gets the state after its last entry.
    UPDATE wallet.account a
    SET balance = e.balance, entry_count = e.entry, mtime = e.ctime
    FROM (
        SELECT DISTINCT ON (s.id) s.id, s.entry, s.balance, o.ctime
        FROM unnest(write_batch.results) o
        CROSS JOIN LATERAL (VALUES
            (o.source_account_id, o.source_entry, o.source_balance),
            (o.target_account_id, o.target_entry, o.target_balance)
        ) AS s (id, entry, balance)
        WHERE o.state = 'succeeded'
        ORDER BY s.id, s.entry DESC
    ) e
    WHERE a.id = e.id;

    INSERT INTO wallet.transaction
        (id, source_account_id, target_account_id, ctime, source_entry, target_entry,
         amount, source_balance, target_balance, actor)
    OVERRIDING SYSTEM VALUE
    SELECT o.id, o.source_account_id, o.target_account_id, o.ctime, o.source_entry,
           o.target_entry, o.amount, o.source_balance, o.target_balance, o.actor
    FROM unnest(write_batch.results) o
    WHERE o.state = 'succeeded';

    IF cardinality(array_remove(write_batch.reference, NULL)) > 0
        OR cardinality(array_remove(write_batch.metadata, NULL)) > 0
    THEN
        PERFORM wallet.annotate(
            ARRAY(SELECT CASE o.state WHEN 'succeeded' THEN o.id END
                  FROM unnest(write_batch.results) o),
            write_batch.reference, write_batch.metadata);
    END IF;
END
$$;

COMMENT ON FUNCTION wallet.write_batch(wallet.transfer_result[], text[], jsonb[]) IS
    'Writes what wallet.decide_batch() decided: the transactions that succeeded, and their '
    'accounts. Refusals: none of class WL; 22023 for a bad annotation';

REVOKE ALL ON FUNCTION wallet.write_batch(wallet.transfer_result[], text[], jsonb[]) FROM PUBLIC;

COMMIT;
