-- Returns why a transfer, deposit or withdrawal is refused for what was given, or NULL.
--
-- It needs no account and no lock. check_accounts() has the rules about what the accounts hold. For
-- the functions that move money; nobody else may execute it. PostgreSQL puts the body in place of
-- the call.
--
-- Locks: nothing.
-- Refusals: none; it returns the first of these that applies:
--   WL002 invalid_amount          NULL, NaN, Infinity, or not 0.01 to 999999.99 once rounded
--   WL003 same_account            source and target are one account
--
--   SELECT * FROM wallet.check_request(1, 1, amount => 5.00);

BEGIN;

SET LOCAL ROLE wallet_owner;

CREATE OR REPLACE FUNCTION wallet.check_request(
    source_account_id bigint, target_account_id bigint, amount numeric
)
RETURNS wallet.refusal
LANGUAGE sql
IMMUTABLE
AS $$
SELECT CASE
    WHEN wallet.round_amount(check_request.amount) IS NULL
        THEN wallet.refusal('WL002', amount => check_request.amount)
    WHEN check_request.source_account_id = check_request.target_account_id
        THEN wallet.refusal('WL003', check_request.source_account_id)
END
$$;

COMMENT ON FUNCTION wallet.check_request(bigint, bigint, numeric) IS
    'Returns why a transfer, deposit or withdrawal is refused for what was given, or NULL. '
    'Refusals: none';

REVOKE ALL ON FUNCTION wallet.check_request(bigint, bigint, numeric) FROM PUBLIC;

COMMIT;
