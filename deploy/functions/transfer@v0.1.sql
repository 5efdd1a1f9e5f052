-- Moves an amount from one account to another, and returns the transaction.
--
-- The amount is rounded to hundredths, half away from zero, before anything else looks at it. Each
-- account gets one entry, numbered without a gap. All of it happens in the caller's transaction, or
-- none of it.
--
-- Locks: both accounts' rows, the lower id first, until the caller's transaction ends. Every wallet
-- function takes its locks in that order, so no two calls can ever wait for each other.
-- Refusals, the first that applies:
--   WL002 invalid_amount          NULL, NaN, Infinity, or not 0.01 to 999999.99 once rounded
--   WL003 same_account            source and target are one account
--   WL004 account_not_found       the source is looked at first, then the target
--   WL006 insufficient_funds      the source's balance would fall below 0.00
--   WL007 balance_limit_exceeded  the target's balance would pass 999999.99
--
--   SELECT * FROM wallet.transfer(source_account_id => 1, target_account_id => 2, amount => 12.30);

BEGIN;

SET LOCAL ROLE wallet_owner;

CREATE OR REPLACE FUNCTION wallet.transfer(
    source_account_id bigint, target_account_id bigint, amount numeric
)
RETURNS wallet.transaction
LANGUAGE plpgsql
VOLATILE
SECURITY DEFINER
SET search_path = wallet, pg_temp
AS $$
DECLARE
    v_amount numeric := wallet.valid_amount(transfer.amount);
    v_refusal wallet.refusal;
BEGIN
    IF transfer.source_account_id = transfer.target_account_id THEN
        v_refusal := wallet.refusal('WL003', transfer.source_account_id);
    ELSIF transfer.source_account_id IS NULL THEN
        -- To post() it would mean the world outside.
        v_refusal := wallet.refusal('WL004', transfer.source_account_id);
    END IF;
    IF v_refusal.sqlstate IS NOT NULL THEN
        RAISE EXCEPTION USING ERRCODE = v_refusal.sqlstate, MESSAGE = v_refusal.message,
            DETAIL = v_refusal.detail, HINT = v_refusal.hint;
    END IF;

    RETURN wallet.post(transfer.source_account_id, transfer.target_account_id, v_amount);
END
$$;

COMMENT ON FUNCTION wallet.transfer(bigint, bigint, numeric) IS
    'Moves an amount from one account to another, and returns the transaction. '
    'Refusals: WL002 invalid_amount, WL003 same_account, WL004 account_not_found, '
    'WL006 insufficient_funds, WL007 balance_limit_exceeded';

REVOKE ALL ON FUNCTION wallet.transfer(bigint, bigint, numeric) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION wallet.transfer(bigint, bigint, numeric) TO wallet_app;

COMMIT;
