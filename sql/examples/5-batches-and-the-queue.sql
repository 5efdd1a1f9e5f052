-- Many transfers in one call, and transfers that are queued now and made later.
-- Run it as a superuser, in psql at the top of the checkout: \i sql/examples/5-batches-and-the-queue.sql
\set SHOW_CONTEXT never

SELECT id AS ada FROM wallet.create_account('ada@example.com') \gset
SELECT id AS bob FROM wallet.create_account('bob@example.com') \gset
SELECT id AS eve FROM wallet.create_account('eve@example.com') \gset
SELECT id FROM wallet.deposit(:ada, 100);

-- One after another, as transfer() would make them: bob can pay eve with ada's money.
SELECT id, source_account_id AS source, target_account_id AS target, amount, state, sqlstate, detail
FROM wallet.transfer_batch(ARRAY[
    (:ada, :bob, 30), (:bob, :eve, 25), (:bob, :eve, 25), (:eve, 9223372036854775807, 1)
]::wallet.transfer_request[], atomic => false);

-- All or none: one refused transfer makes the others fail too.
SELECT id, state, sqlstate, message, detail
FROM wallet.transfer_batch(
    ARRAY[(:ada, :bob, 30), (:bob, :eve, 500)]::wallet.transfer_request[], atomic => true);
SELECT id, balance, entry_count FROM wallet.account WHERE id >= :ada ORDER BY id;

-- The same from the rows of a query, and with a key: it is done once.
SELECT (o).id, (o).amount, (o).state, replayed
FROM (
    SELECT array_agg((:ada, a.id, 1.00)::wallet.transfer_request ORDER BY a.id)
    FROM wallet.account a WHERE a.id IN (:bob, :eve)
) q (transfers),
wallet.transfer_batch(q.transfers, true, idempotency_key => 'salaries-' || :ada), unnest(results) o;
SELECT (o).id, (o).amount, (o).state, replayed
FROM wallet.transfer_batch(
    ARRAY[(:ada, :bob, 1), (:ada, :eve, 1)]::wallet.transfer_request[], true,
    idempotency_key => 'salaries-' || :ada), unnest(results) o;

-- Queueing a transfer locks no account and reads no balance. The transfer keeps its id.
SELECT id AS first FROM wallet.enqueue_transfer(:ada, :bob, 5) \gset
SELECT id AS second FROM wallet.enqueue_transfer(:ada, :bob, 500) \gset
SELECT id AS third FROM wallet.enqueue_transfer(:ada, :eve, 7) \gset
-- A transfer that can never be made is refused at once.
SELECT wallet.enqueue_transfer(:ada, 9223372036854775807, 5);
\echo :LAST_ERROR_SQLSTATE

SELECT position, id, source_account_id AS source, target_account_id AS target, amount
FROM wallet.queue;

-- Wait a moment for the accounts, and queue the transfer only if they are busy.
SELECT id, amount, state, source_balance FROM wallet.transfer_or_enqueue(:ada, :bob, 3, wait => 0.5);

-- A DBA cancels one.
SELECT id, state, sqlstate, detail FROM wallet.cancel_pending(:first);

-- The others are processed in their order; one that cannot be made fails.
SELECT wallet.process_pending(max_items => 100);
SELECT id, state, source_entry, source_balance, sqlstate, detail FROM wallet.get_transfer_result(:first);
SELECT id, state, source_entry, source_balance, sqlstate, detail FROM wallet.get_transfer_result(:second);
SELECT id, state, source_entry, source_balance, sqlstate, detail FROM wallet.get_transfer_result(:third);
SELECT wallet.cancel_pending(:third);
\echo :LAST_ERROR_SQLSTATE

SELECT pending, amount, oldest, failed, cancelled FROM wallet.queue_stats;
SELECT * FROM wallet.audit();
