-- Moves an amount from one account to another, and returns the transaction.
--
-- The amount is rounded to hundredths, half away from zero, before anything else looks at it. Each
-- account gets one entry, numbered without a gap.
-- All of it happens in the caller's transaction, or none of it.
--
-- With an idempotency_key it is done once for each key, as run_keyed() says: the result holds
-- what was made or the refusal. `reference` and `metadata` are the caller's own words for it.
--
-- Locks: the key, if there is one, then both accounts' rows, the lower id first, until the caller's
-- transaction ends. Every wallet function takes its locks in that order, so no two calls can ever
-- wait for each other.
-- Refusals, the first that applies:
--   WL002 invalid_amount          NULL, NaN, Infinity, or not 0.01 to 999999.99 once rounded
--   WL003 same_account            source and target are one account
--   WL004 account_not_found       the source is looked at first, then the target
--   WL006 insufficient_funds      the source's balance would fall below its minimum
--   WL007 balance_limit_exceeded  the target's balance would pass its maximum
--   WL008 account_frozen          of two frozen accounts, the source is named
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
    v_result wallet.operation_result := wallet.post(
        transfer.source_account_id, transfer.target_account_id, transfer.amount, outside => false);
BEGIN
    IF (v_result.refusal).sqlstate IS NOT NULL THEN
        PERFORM wallet.raise_refusal(v_result.refusal);
    END IF;
    RETURN v_result.transaction;
END
$$;

CREATE OR REPLACE FUNCTION wallet.transfer(
    source_account_id bigint, target_account_id bigint, amount numeric, idempotency_key text,
    actor text DEFAULT NULL,
    reference text DEFAULT NULL, metadata jsonb DEFAULT NULL
)
RETURNS wallet.operation_result
LANGUAGE plpgsql
VOLATILE
SECURITY DEFINER
SET search_path = wallet, pg_temp
AS $$
BEGIN
    IF transfer.idempotency_key IS NULL THEN
        RETURN wallet.post(
            transfer.source_account_id, transfer.target_account_id, transfer.amount,
            outside => false, actor => transfer.actor,
            reference => transfer.reference, metadata => transfer.metadata);
    END IF;
    RETURN wallet.run_keyed(ROW(
        'transfer', transfer.source_account_id, transfer.target_account_id, transfer.amount,
        transfer.idempotency_key, transfer.actor,
        transfer.reference, transfer.metadata));
END
$$;

COMMENT ON FUNCTION wallet.transfer(bigint, bigint, numeric) IS
    'Moves an amount from one account to another, and returns the transaction. Refusals: WL002 '
    'invalid_amount, WL003 same_account, WL004 account_not_found, WL006 insufficient_funds, '
    'WL007 balance_limit_exceeded, WL008 account_frozen';

COMMENT ON FUNCTION wallet.transfer(bigint, bigint, numeric, text, text, text, jsonb) IS
    'Moves an amount from one account to another, and returns the transaction, once for each '
    'key. Refusals: 22023 for a bad key, WL002 invalid_amount, WL003 same_account, WL011 '
    'idempotency_key_reused; all others are part of the result';

REVOKE ALL ON FUNCTION wallet.transfer(bigint, bigint, numeric),
    wallet.transfer(bigint, bigint, numeric, text, text, text, jsonb) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION wallet.transfer(bigint, bigint, numeric),
    wallet.transfer(bigint, bigint, numeric, text, text, text, jsonb) TO wallet_app;

COMMIT;
