-- Returns why an amount may not move between two accounts, or NULL: the rules of the ledger.
--
-- The accounts are passed as they are while they are locked; one that is not there has no balance.
-- `outside` says whether a NULL id stands for the world outside or for no account. For the
-- functions that move money, for one transfer or for many; nobody else may execute it. PostgreSQL
-- puts the body in place of the call.
--
-- Locks: nothing.
-- Refusals: none; it returns the first of these that applies:
--   WL004 account_not_found       the source is looked at first, then the target
--   WL006 insufficient_funds      the source's balance, less what is held, would fall below its
--                                 minimum
--   WL007 balance_limit_exceeded  the target's balance would pass its maximum
--   WL008 account_frozen          of two frozen accounts, the source is named
--
--   SELECT * FROM wallet.check_accounts(12.30, 1, 5, 0, 0, false, 2, 0, 100, false, false);

BEGIN;

SET LOCAL ROLE wallet_owner;

CREATE OR REPLACE FUNCTION wallet.check_accounts(
    amount numeric,
    source_account_id bigint, source_balance numeric, source_held numeric,
    source_minimum numeric, source_frozen boolean,
    target_account_id bigint, target_balance numeric, target_maximum numeric,
    target_frozen boolean,
    outside boolean
)
RETURNS wallet.refusal
LANGUAGE sql
IMMUTABLE
AS $$
SELECT CASE
    WHEN check_accounts.source_balance IS NULL
        AND NOT (check_accounts.source_account_id IS NULL AND check_accounts.outside)
        THEN wallet.refusal('WL004', check_accounts.source_account_id)
    WHEN check_accounts.target_balance IS NULL
        AND NOT (check_accounts.target_account_id IS NULL AND check_accounts.outside
                 AND check_accounts.source_account_id IS NOT NULL)
        THEN wallet.refusal('WL004', check_accounts.target_account_id)
    WHEN check_accounts.source_balance - check_accounts.source_held - check_accounts.amount
            < check_accounts.source_minimum
        THEN wallet.refusal('WL006', check_accounts.source_account_id,
                            check_accounts.source_balance, check_accounts.amount,
                            check_accounts.source_minimum, check_accounts.source_held)
    WHEN check_accounts.target_balance + check_accounts.amount > check_accounts.target_maximum
        THEN wallet.refusal('WL007', check_accounts.target_account_id,
                            check_accounts.target_balance, check_accounts.amount,
                            check_accounts.target_maximum)
    WHEN check_accounts.source_frozen THEN wallet.refusal('WL008', check_accounts.source_account_id)
    WHEN check_accounts.target_frozen THEN wallet.refusal('WL008', check_accounts.target_account_id)
END
$$;

COMMENT ON FUNCTION wallet.check_accounts(
    numeric, bigint, numeric, numeric, numeric, boolean, bigint, numeric, numeric, boolean, boolean
) IS
    'Returns why an amount may not move between two accounts, or NULL: the rules of the ledger. '
    'Refusals: none';

REVOKE ALL ON FUNCTION wallet.check_accounts(
    numeric, bigint, numeric, numeric, numeric, boolean, bigint, numeric, numeric, boolean, boolean
) FROM PUBLIC;

COMMIT;
