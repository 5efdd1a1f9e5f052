-- Keeps what callers said of their transactions: a reference and metadata for each.
--
-- The nth reference and metadata are those of the nth transaction. Where both are NULL, or the
-- transaction is, nothing is kept. For the functions that make or queue transactions, in the same
-- SQL transaction; nobody else may execute it.
--
-- Locks: nothing.
-- Refusals: none of class WL; 22023 for what check_annotation() does not let pass.
--
--   SELECT wallet.annotate(ARRAY[1, 2], reference => '{order-17,order-18}', metadata => NULL);

BEGIN;

SET LOCAL ROLE wallet_owner;

CREATE OR REPLACE FUNCTION wallet.annotate(
    transaction_ids bigint[], reference text[], metadata jsonb[]
)
RETURNS void
LANGUAGE plpgsql
VOLATILE
AS $$
BEGIN
    PERFORM wallet.check_annotation(n.reference, n.metadata)
    FROM unnest(annotate.reference, annotate.metadata) AS n (reference, metadata);

    INSERT INTO wallet.transaction_annotation (transaction_id, reference, metadata)
    SELECT n.id, n.reference, n.metadata
    FROM unnest(annotate.transaction_ids, annotate.reference, annotate.metadata)
        AS n (id, reference, metadata)
    WHERE n.id IS NOT NULL AND (n.reference IS NOT NULL OR n.metadata IS NOT NULL);
END
$$;

COMMENT ON FUNCTION wallet.annotate(bigint[], text[], jsonb[]) IS
    'Keeps what callers said of their transactions: a reference and metadata for each. '
    'Refusals: none of class WL; 22023 for what check_annotation() does not let pass';

REVOKE ALL ON FUNCTION wallet.annotate(bigint[], text[], jsonb[]) FROM PUBLIC;

COMMIT;
