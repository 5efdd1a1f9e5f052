-- Revert pgwallet_citus:functions/lock_accounts from pg

DROP FUNCTION wallet.set_lock_timeout(text);
\ir ../../../sql/functions/lock_accounts.sql
