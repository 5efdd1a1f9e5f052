-- Revert pgwallet_citus:functions/expire_holds from pg


\ir ../../../sql/functions/expire_holds.sql
