-- Verify pgwallet:domains on pg

BEGIN;

SELECT 1 / (count(*) = 11)::int
FROM pg_type t
WHERE t.typnamespace = 'wallet'::regnamespace AND t.typtype = 'd'
  AND t.typowner = 'wallet_owner'::regrole
  AND t.typname IN ('amount', 'balance', 'held', 'hold_state', 'entry_number', 'entry_count',
                    'email', 'idempotency_key_text', 'actor', 'reference', 'metadata');

ROLLBACK;
