-- Verify pgwallet:types on pg

BEGIN;

SELECT 1 / (count(*) = 10)::int
FROM pg_type t
WHERE t.typnamespace = 'wallet'::regnamespace AND t.typowner = 'wallet_owner'::regrole
  AND t.typname IN ('refusal', 'transfer_request', 'transfer_result', 'operation_result',
                    'group_request', 'group_result', 'claim', 'statement_line', 'violation',
                    'transaction_detail');

ROLLBACK;
