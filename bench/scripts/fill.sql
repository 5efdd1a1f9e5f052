-- Fills an empty ledger with :accounts accounts and :transactions transactions, a multiple of that.
--
-- Each account is opened with a deposit of 500000.00. Then, in every round, each account pays one
-- other and is paid by one other, the same amount: so every entry's number and balance are known
-- beforehand, and wallet.audit() finds nothing. The indexes that no constraint owns are built
-- afterwards.
--
--   psql -v accounts=10000 -v transactions=20000 -f bench/scripts/fill.sql

\set ON_ERROR_STOP on
SET maintenance_work_mem = '512MB';
SET client_min_messages = warning;
BEGIN;

CREATE TEMPORARY TABLE dropped ON COMMIT DROP AS
SELECT i.indexrelid::regclass::text AS name, pg_get_indexdef(i.indexrelid) AS definition
FROM pg_index i
WHERE i.indrelid IN ('wallet.account'::regclass, 'wallet.transaction'::regclass)
  AND NOT EXISTS (SELECT FROM pg_constraint c WHERE c.conindid = i.indexrelid);
SELECT format('DROP INDEX %s', name) FROM dropped \gexec

INSERT INTO wallet.account (email, balance, entry_count, ctime, mtime)
SELECT 'account' || i + 1 || '@example.com', 500000.00, 1 + 2 * rounds, start,
       -- In the last round it pays in the transaction i, and is paid in the one `shift` before.
       start + CASE WHEN rounds = 0 THEN i
                    ELSE rounds * :accounts + greatest(i, (i - shift + :accounts) % :accounts)
               END * interval '1 microsecond'
FROM (SELECT generate_series(0, :accounts - 1) AS i) AS a,
     (SELECT :transactions / :accounts - 1 AS rounds, now() - interval '1 hour' AS start) AS r,
     LATERAL (SELECT 1 + (rounds - 1) * 7919 % (:accounts - 1) AS shift) AS s;

INSERT INTO wallet.transaction (target_account_id, amount, ctime, target_entry, target_balance)
SELECT i + 1, 500000.00, now() - interval '1 hour' + i * interval '1 microsecond', 1, 500000.00
FROM (SELECT generate_series(0, :accounts - 1) AS i) AS a;

INSERT INTO wallet.transaction
    (source_account_id, target_account_id, amount, ctime,
     source_entry, target_entry, source_balance, target_balance)
SELECT i + 1, (i + shift) % :accounts + 1, amount,
       now() - interval '1 hour' + n * interval '1 microsecond',
       -- Who is paid by a transaction before i, in the same round, is paid first.
       2 * round + CASE WHEN i >= shift THEN 1 ELSE 0 END,
       2 * round + CASE WHEN i + shift < :accounts THEN 0 ELSE 1 END,
       500000.00 - CASE WHEN i >= shift THEN 0 ELSE amount END,
       500000.00 + CASE WHEN i + shift < :accounts THEN amount ELSE 0 END
FROM (SELECT generate_series(:accounts, :transactions - 1) AS n) AS t,
     LATERAL (SELECT n / :accounts AS round, n % :accounts AS i) AS r,
     LATERAL (SELECT 1 + (round - 1) * 7919 % (:accounts - 1) AS shift,
                     10 + round % 1000 * 1.37 AS amount) AS s;

SELECT definition FROM dropped \gexec
COMMIT;
VACUUM (ANALYZE) wallet.account, wallet.transaction;
