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
COMMENT ON COLUMN wallet.entry.account_id IS 'The account whose entry this is';
COMMENT ON COLUMN wallet.entry.entry IS '1, 2, 3 … without a gap along the account';
COMMENT ON COLUMN wallet.entry.transaction_id IS 'The transaction';
COMMENT ON COLUMN wallet.entry.counterparty_account_id IS
    'The account at the other side; NULL for a deposit or a withdrawal';
COMMENT ON COLUMN wallet.entry.amount IS 'What came in, or with a minus what went out';
COMMENT ON COLUMN wallet.entry.balance IS 'The account''s balance after it';
COMMENT ON COLUMN wallet.entry.ctime IS 'When it was made';

GRANT SELECT ON wallet.entry TO wallet_reader;

COMMIT;
