-- Revert pgwallet_citus:functions/lock_accounts from pg


\ir ../../../sql/functions/lock_accounts.sql
