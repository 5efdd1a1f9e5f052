-- Revert pgwallet:views from pg

BEGIN;

DROP VIEW wallet.account_overview, wallet.hold_overview, wallet.recent_transaction,
    wallet.daily_activity, wallet.largest_account, wallet.account_wait,
    wallet.size_per_transaction, wallet.queue, wallet.queue_stats, wallet.api_key_overview;

COMMIT;
