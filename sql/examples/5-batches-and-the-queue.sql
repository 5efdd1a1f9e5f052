-- Many transfers in one call, and transfers that are queued now and made later.
\set SHOW_CONTEXT never

SELECT id FROM wallet.create_account('ada@example.com');
SELECT id FROM wallet.create_account('bob@example.com');
SELECT id FROM wallet.create_account('eve@example.com');
SELECT id FROM wallet.deposit(1, 100);

-- One after another, as transfer() would make them: bob can pay eve with ada's money.
SELECT id, source_account_id AS source, target_account_id AS target, amount, state, sqlstate, detail
FROM wallet.transfer_batch('{"(1,2,30)", "(2,3,25)", "(2,3,25)", "(3,9,1)"}', atomic => false);

-- All or none: one refused transfer makes the others fail too.
SELECT id, state, sqlstate, message, detail
FROM wallet.transfer_batch('{"(1,2,30)", "(2,3,500)"}', atomic => true);
SELECT id, balance, entry_count FROM wallet.account ORDER BY id;

-- The same from the rows of a query, and with a key: it is done once.
SELECT (o).id, (o).amount, (o).state, replayed
FROM (SELECT ARRAY[ROW(1, 2, 1.00), ROW(1, 3, 2.00)]::wallet.transfer_request[]) q (transfers),
     wallet.transfer_batch(q.transfers, true, idempotency_key => 'salaries-1'), unnest(results) o;
SELECT (o).id, (o).amount, (o).state, replayed
FROM wallet.transfer_batch('{"(1,2,1)", "(1,3,2)"}', true, idempotency_key => 'salaries-1'),
     unnest(results) o;

-- Queueing a transfer locks no account and reads no balance. The transfer keeps its id.
SELECT id, amount, state FROM wallet.enqueue_transfer(1, 2, 5);
SELECT id, amount, state FROM wallet.enqueue_transfer(1, 2, 500);
SELECT id, amount, state FROM wallet.enqueue_transfer(1, 3, 7);
-- A transfer that can never be made is refused at once.
SELECT wallet.enqueue_transfer(1, 9, 5);
\echo :LAST_ERROR_SQLSTATE

SELECT position, id, source_account_id AS source, target_account_id AS target, amount
FROM wallet.queue;

-- Wait a moment for the accounts, and queue the transfer only if they are busy.
SELECT id, amount, state, source_balance FROM wallet.transfer_or_enqueue(1, 2, 3, wait => 0.5);

-- A DBA cancels one.
SELECT id, state, sqlstate, detail FROM wallet.cancel_pending(7);

-- The others are processed in their order; one that cannot be made fails.
SELECT wallet.process_pending(max_items => 100);
SELECT id, state, source_entry, source_balance, sqlstate, detail FROM wallet.get_transfer_result(7);
SELECT id, state, source_entry, source_balance, sqlstate, detail FROM wallet.get_transfer_result(8);
SELECT id, state, source_entry, source_balance, sqlstate, detail FROM wallet.get_transfer_result(9);
SELECT wallet.cancel_pending(9);
\echo :LAST_ERROR_SQLSTATE

SELECT pending, amount, oldest, failed, cancelled FROM wallet.queue_stats;
SELECT * FROM wallet.audit();
