-- Revert pgwallet:views from pg

BEGIN;

DROP VIEW wallet.size_per_transaction;
DROP VIEW wallet.account_wait;
DROP VIEW wallet.largest_account;
DROP VIEW wallet.daily_activity;
DROP VIEW wallet.recent_transaction;
DROP VIEW wallet.account_overview;

COMMIT;
