-- Pays an amount out of an account to outside, and returns the transaction.
--
-- The amount is rounded to hundredths, half away from zero, before anything else looks at it. The
-- account gets one entry, numbered without a gap.
-- All of it happens in the caller's transaction, or none of it.
--
-- With an idempotency_key it is done once for each key, as run_keyed() says: the result holds
-- what was made or the refusal. `reference` and `metadata` are the caller's own words for it.
--
-- Locks: the key, if there is one, then the account's row, until the caller's transaction ends.
-- Refusals, the first that applies:
--   WL002 invalid_amount          NULL, NaN, Infinity, or not 0.01 to 999999.99 once rounded
--   WL004 account_not_found
--   WL006 insufficient_funds      the account's balance would fall below its minimum
--   WL008 account_frozen
--
--   SELECT * FROM wallet.withdraw(account_id => 1, amount => 5.00);

BEGIN;

SET LOCAL ROLE wallet_owner;

CREATE OR REPLACE FUNCTION wallet.withdraw(account_id bigint, amount numeric)
RETURNS wallet.transaction
LANGUAGE plpgsql
VOLATILE
SECURITY DEFINER
SET search_path = wallet, pg_temp
AS $$
DECLARE
    v_result wallet.operation_result := wallet.post(
        withdraw.account_id, NULL, withdraw.amount, outside => true);
BEGIN
    IF (v_result.refusal).sqlstate IS NOT NULL THEN
        PERFORM wallet.raise_refusal(v_result.refusal);
    END IF;
    RETURN v_result.transaction;
END
$$;

CREATE OR REPLACE FUNCTION wallet.withdraw(
    account_id bigint, amount numeric, idempotency_key text, actor text DEFAULT NULL,
    reference text DEFAULT NULL, metadata jsonb DEFAULT NULL
)
RETURNS wallet.operation_result
LANGUAGE plpgsql
VOLATILE
SECURITY DEFINER
SET search_path = wallet, pg_temp
AS $$
BEGIN
    IF withdraw.idempotency_key IS NULL THEN
        RETURN wallet.post(
            withdraw.account_id, NULL, withdraw.amount, outside => true,
            actor => withdraw.actor,
            reference => withdraw.reference, metadata => withdraw.metadata);
    END IF;
    RETURN wallet.run_keyed(ROW(
        'withdraw', withdraw.account_id, NULL, withdraw.amount, withdraw.idempotency_key,
        withdraw.actor,
        withdraw.reference, withdraw.metadata));
END
$$;

COMMENT ON FUNCTION wallet.withdraw(bigint, numeric) IS
    'Pays an amount out of an account to outside, and returns the transaction. Refusals: WL002 '
    'invalid_amount, WL004 account_not_found, WL006 insufficient_funds, WL008 account_frozen';

COMMENT ON FUNCTION wallet.withdraw(bigint, numeric, text, text, text, jsonb) IS
    'Pays an amount out of an account to outside, and returns the transaction, once for each '
    'key. Refusals: 22023 for a bad key, WL002 invalid_amount, WL011 idempotency_key_reused; '
    'all others are part of the result';

REVOKE ALL ON FUNCTION wallet.withdraw(bigint, numeric),
    wallet.withdraw(bigint, numeric, text, text, text, jsonb) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION wallet.withdraw(bigint, numeric),
    wallet.withdraw(bigint, numeric, text, text, text, jsonb) TO wallet_app;

COMMIT;
