-- Deploy pgwallet:entry to pg
-- requires: transaction

BEGIN;

SET LOCAL ROLE wallet_owner;

CREATE VIEW wallet.entry AS
SELECT t.source_account_id AS account_id,
       t.source_entry::bigint AS entry,
       t.id AS transaction_id,
       t.target_account_id AS counterparty_account_id,
       -t.amount AS amount,
       t.source_balance::numeric AS balance,
       t.ctime
FROM wallet.transaction t
WHERE t.source_account_id IS NOT NULL
UNION ALL
SELECT t.target_account_id, t.target_entry::bigint, t.id, t.source_account_id,
       t.amount::numeric, t.target_balance::numeric, t.ctime
FROM wallet.transaction t
WHERE t.target_account_id IS NOT NULL;

COMMENT ON VIEW wallet.entry IS
    'Each account''s side of each transaction: its number along the account, the amount with its '
    'sign, and the balance after it';

GRANT SELECT ON wallet.entry TO wallet_reader;

COMMIT;
