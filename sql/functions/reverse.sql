-- Moves the money of a transaction back, and returns the new transaction.
--
-- The same amount goes from the target to the source; a deposit's goes outside, a withdrawal's
-- comes back. wallet.reversal links the two. A transaction is reversed once, and a reversal never.
--
-- With an idempotency_key it is done once for each key, as run_with_key() says: the result holds
-- what was made or the refusal.
--
-- Locks: the key, if there is one, then the accounts' rows, the lower id first, until the caller's
-- transaction ends. Two reversals of one transaction want the same rows, so the second sees the
-- first.
-- Refusals, the first that applies:
--   WL005 transaction_not_found
--   WL010 not_reversible          the transaction is a reversal itself
--   WL009 already_reversed
--   WL006 insufficient_funds      the target of the transaction holds less than its amount
--   WL007 balance_limit_exceeded  the balance of its source would pass 999999.99
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
    v_reversed wallet.transaction := wallet.get_transaction(reverse.transaction_id);
    v_transaction wallet.transaction;
BEGIN
    -- Locked before anything is decided, so that no other reversal comes in between.
    PERFORM wallet.lock_accounts(
        ARRAY[v_reversed.source_account_id, v_reversed.target_account_id]);
    IF EXISTS (SELECT FROM wallet.reversal r WHERE r.transaction_id = v_reversed.id) THEN
        PERFORM wallet.raise_refusal(wallet.refusal('WL010', v_reversed.id));
    ELSIF EXISTS (SELECT FROM wallet.reversal r WHERE r.reverses = v_reversed.id) THEN
        PERFORM wallet.raise_refusal(wallet.refusal('WL009', v_reversed.id));
    END IF;

    v_transaction := wallet.post(v_reversed.target_account_id, v_reversed.source_account_id,
                                 v_reversed.amount, outside => true);
    INSERT INTO wallet.reversal (transaction_id, reverses)
    VALUES (v_transaction.id, v_reversed.id);

    RETURN v_transaction;
END
$$;

CREATE OR REPLACE FUNCTION wallet.reverse(transaction_id bigint, idempotency_key text)
RETURNS wallet.keyed_result
LANGUAGE plpgsql
VOLATILE
SECURITY DEFINER
SET search_path = wallet, pg_temp
AS $$
BEGIN
    RETURN wallet.run_with_key(reverse.idempotency_key, 'reverse', jsonb_build_object(
        'transaction_id', reverse.transaction_id));
END
$$;

COMMENT ON FUNCTION wallet.reverse(bigint) IS
    'Moves the money of a transaction back, and returns the new transaction. Refusals: WL005 '
    'transaction_not_found, WL010 not_reversible, WL009 already_reversed, WL006 '
    'insufficient_funds, WL007 balance_limit_exceeded, WL008 account_frozen';

COMMENT ON FUNCTION wallet.reverse(bigint, text) IS
    'Moves the money of a transaction back, and returns the new transaction, once for each key. '
    'Refusals: 22023 for a bad key, WL011 idempotency_key_reused; all others are part of the '
    'result';

REVOKE ALL ON FUNCTION wallet.reverse(bigint), wallet.reverse(bigint, text) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION wallet.reverse(bigint), wallet.reverse(bigint, text) TO wallet_app;

COMMIT;
