-- Moves the money of a transaction back, and returns the new transaction.
--
-- The same amount goes from the target to the source; a deposit's goes outside, a withdrawal's
-- comes back. wallet.reversal links the two. A transaction is reversed once, and a reversal never.
--
-- Locks: the accounts' rows, the lower id first, until the caller's transaction ends. Two reversals
-- of one transaction want the same rows, so the second sees the first.
-- Refusals, the first that applies:
--   WL005 transaction_not_found
--   WL006 insufficient_funds      the target of the transaction holds less than its amount
--   WL007 balance_limit_exceeded  the balance of its source would pass 999999.99
--   WL008 account_frozen          of two frozen accounts, the one that pays now is named
--   WL009 already_reversed
--   WL010 not_reversible          the transaction is a reversal itself
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
    v_refusal wallet.refusal;
    v_transaction wallet.transaction;
BEGIN
    v_transaction := wallet.post(
        v_reversed.target_account_id, v_reversed.source_account_id, v_reversed.amount
    );

    -- Looked at under the locks that post() took.
    IF EXISTS (SELECT FROM wallet.reversal r WHERE r.reverses = v_reversed.id) THEN
        v_refusal := wallet.refusal('WL009', v_reversed.id);
    ELSIF EXISTS (SELECT FROM wallet.reversal r WHERE r.transaction_id = v_reversed.id) THEN
        v_refusal := wallet.refusal('WL010', v_reversed.id);
    END IF;
    IF v_refusal.sqlstate IS NOT NULL THEN
        RAISE EXCEPTION USING ERRCODE = v_refusal.sqlstate, MESSAGE = v_refusal.message,
            DETAIL = v_refusal.detail, HINT = v_refusal.hint;
    END IF;

    INSERT INTO wallet.reversal (transaction_id, reverses)
    VALUES (v_transaction.id, v_reversed.id);

    RETURN v_transaction;
END
$$;

COMMENT ON FUNCTION wallet.reverse(bigint) IS
    'Moves the money of a transaction back, and returns the new transaction. '
    'Refusals: WL005 transaction_not_found, WL006 insufficient_funds, '
    'WL007 balance_limit_exceeded, WL008 account_frozen, WL009 already_reversed, '
    'WL010 not_reversible';

REVOKE ALL ON FUNCTION wallet.reverse(bigint) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION wallet.reverse(bigint) TO wallet_app;

COMMIT;
