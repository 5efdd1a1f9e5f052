-- Verify pgwallet:functions/refusal on pg

BEGIN;

SELECT 1 / (NOT has_function_privilege(
    'wallet_app', 'wallet.refusal(text, bigint, numeric, numeric)', 'EXECUTE'))::int;

SELECT 1 / count(*)
FROM wallet.refusal('WL006', 1, 5.00, 12.30) r
WHERE r.message = 'insufficient funds' AND r.detail LIKE '%5.00%12.30%' AND r.hint <> '';

ROLLBACK;
