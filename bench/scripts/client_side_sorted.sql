-- The same by somebody who knows about deadlocks: both accounts locked in one statement, the lower
-- id first. Six round trips.
BEGIN;
SELECT min(balance) FILTER (WHERE id = :source) AS balance,
       min(balance) FILTER (WHERE id = :target) AS target_balance,
       clock_timestamp() AS ctime
FROM (SELECT id, balance FROM wallet.account
      WHERE id IN (:source, :target) ORDER BY id FOR UPDATE) AS a \gset
\if :balance * 100 < :amount or :target_balance * 100 + :amount > 99999999
ROLLBACK;
\else
UPDATE wallet.account
SET balance = balance - :amount * 0.01, entry_count = entry_count + 1, mtime = :ctime
WHERE id = :source RETURNING entry_count AS source_entry, balance AS source_balance \gset
UPDATE wallet.account
SET balance = balance + :amount * 0.01, entry_count = entry_count + 1, mtime = :ctime
WHERE id = :target RETURNING entry_count AS target_entry, balance AS target_balance \gset
INSERT INTO wallet.transaction
    (source_account_id, target_account_id, amount, ctime,
     source_entry, target_entry, source_balance, target_balance)
VALUES
    (:source, :target, :amount * 0.01, :ctime,
     :source_entry, :target_entry, :source_balance, :target_balance)
RETURNING id;
COMMIT;
\endif
