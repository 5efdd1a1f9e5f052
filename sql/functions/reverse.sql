-- Moves the money of a transaction back, and returns the new transaction.
--
-- The same amount goes from the target to the source; a deposit's goes outside, a withdrawal's
-- comes back. wallet.reversal links the two. A transaction is reversed once, and a reversal never.
--
-- With an idempotency_key it is done once for each key, as run_with_key() says: the result holds
-- what was made or the refusal. `reference` and `metadata` are the caller's own words for it.
--
-- Locks: the key, if there is one, then the accounts' rows, the lower id first, until the caller's
-- transaction ends. Two reversals of one transaction want the same rows, so the second sees the
-- first.
-- Refusals, the first that applies:
--   WL005 transaction_not_found
--   WL010 not_reversible          the transaction is a reversal itself
--   WL009 already_reversed
--   WL006 insufficient_funds      the target of the transaction holds less than its amount
--   WL007 balance_limit_exceeded  the balance of its source would pass its maximum
--   WL008 account_frozen          of two frozen accounts, the one that pays now is named
--
--   SELECT * FROM wallet.reverse(transaction_id => 2);

BEGIN;

SET LOCAL ROLE wallet_owner;

CREATE OR REPLACE FUNCTION wallet.reverse(transaction_id bigint)
RETURNS wallet.transaction
LANGUAGE plpgsql
VOLATILE
SECURITY DEFINER
SET search_path = wallet, pg_temp
AS $$
DECLARE
    v_result wallet.operation_result := wallet.reverse(reverse.transaction_id, NULL);
BEGIN
    IF (v_result.refusal).sqlstate IS NOT NULL THEN
        PERFORM wallet.raise_refusal(v_result.refusal);
    END IF;
    RETURN v_result.transaction;
END
$$;

CREATE OR REPLACE FUNCTION wallet.reverse(
    transaction_id bigint, idempotency_key text, actor text DEFAULT NULL,
    reference text DEFAULT NULL, metadata jsonb DEFAULT NULL
)
RETURNS wallet.operation_result
LANGUAGE plpgsql
VOLATILE
SECURITY DEFINER
SET search_path = wallet, pg_temp
AS $$
DECLARE
    v_reversed record;
    v_refusal wallet.refusal;
    v_result wallet.operation_result;
BEGIN
    IF reverse.idempotency_key IS NOT NULL THEN
        RETURN wallet.run_with_key(
            reverse.idempotency_key, reverse.actor, 'reverse', jsonb_build_object(
                'transaction_id', reverse.transaction_id,
                'reference', reverse.reference, 'metadata', reverse.metadata));
    END IF;

    SELECT t.id, t.source_account_id, t.target_account_id, t.amount INTO v_reversed
    FROM wallet.transaction t WHERE t.id = reverse.transaction_id;
    -- Locked before anything is decided, so that no other reversal comes in between.
    PERFORM wallet.lock_accounts(
        ARRAY[v_reversed.source_account_id, v_reversed.target_account_id]);
    IF v_reversed.id IS NULL THEN
        v_refusal := wallet.refusal('WL005', reverse.transaction_id);
    ELSIF EXISTS (SELECT FROM wallet.reversal r WHERE r.transaction_id = v_reversed.id) THEN
        v_refusal := wallet.refusal('WL010', v_reversed.id);
    ELSIF EXISTS (SELECT FROM wallet.reversal r WHERE r.reverses = v_reversed.id) THEN
        v_refusal := wallet.refusal('WL009', v_reversed.id);
    END IF;
    IF v_refusal.sqlstate IS NOT NULL THEN
        RETURN ROW(false, NULL, NULL, NULL, v_refusal, NULL)::wallet.operation_result;
    END IF;

    v_result := wallet.post(v_reversed.target_account_id, v_reversed.source_account_id,
                            v_reversed.amount, outside => true, actor => reverse.actor,
                            reference => reverse.reference, metadata => reverse.metadata);
    IF (v_result.refusal).sqlstate IS NULL THEN
        INSERT INTO wallet.reversal (transaction_id, reverses)
        VALUES ((v_result.transaction).id, v_reversed.id);
    END IF;
    RETURN v_result;
END
$$;

COMMENT ON FUNCTION wallet.reverse(bigint) IS
    'Moves the money of a transaction back, and returns the new transaction. Refusals: WL005 '
    'transaction_not_found, WL010 not_reversible, WL009 already_reversed, WL006 '
    'insufficient_funds, WL007 balance_limit_exceeded, WL008 account_frozen';

COMMENT ON FUNCTION wallet.reverse(bigint, text, text, text, jsonb) IS
    'Moves the money of a transaction back, and returns the new transaction, once for each key. '
    'Refusals: 22023 for a bad key, WL011 idempotency_key_reused; all others are part of the '
    'result';

REVOKE ALL ON FUNCTION wallet.reverse(bigint),
    wallet.reverse(bigint, text, text, text, jsonb) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION wallet.reverse(bigint),
    wallet.reverse(bigint, text, text, text, jsonb) TO wallet_app;

COMMIT;
