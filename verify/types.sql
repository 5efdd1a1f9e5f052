-- Verify pgwallet:types on pg

BEGIN;

SELECT 1 / (count(*) = 6)::int
FROM pg_type t
WHERE t.typnamespace = 'wallet'::regnamespace AND t.typowner = 'wallet_owner'::regrole
  AND t.typname IN ('refusal', 'transfer_request', 'transfer_result', 'keyed_result',
                    'statement_line', 'violation');

ROLLBACK;
