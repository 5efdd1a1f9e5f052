-- Revert pgwallet_citus:functions/write_batch from pg

\ir ../../../sql/functions/write_batch.sql
