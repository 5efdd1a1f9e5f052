-- Verify pgwallet_citus:tables on pg

BEGIN;

SELECT 1 / (count(*) >= 8)::int FROM citus_tables t WHERE t.table_name::text LIKE 'wallet.%';

ROLLBACK;
