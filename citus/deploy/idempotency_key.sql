-- Deploy pgwallet_citus:idempotency_key to pg
-- requires: tables

-- Not with the other tables: Citus takes its columns' types to the workers only when the tables
-- that these types come from are there.
BEGIN;

-- By key: who claims it asks one shard. Citus looks for the value of a domain in no shard at all,
-- and so the key is text, with the domain's rule.
ALTER TABLE wallet.idempotency_key ALTER COLUMN key TYPE text,
    ADD CONSTRAINT idempotency_key_printable
        CHECK (length(key) BETWEEN 1 AND 255 AND key !~ '[^\u0020-\u007e]');
SELECT create_distributed_table('wallet.idempotency_key', 'key', colocate_with => 'none');

COMMIT;
