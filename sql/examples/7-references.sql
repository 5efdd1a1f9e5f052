-- Your own names for what you do: references and metadata, and how to find it again.
-- Run it as a superuser, in psql at the top of the checkout: \i sql/examples/7-references.sql

SELECT id AS ada FROM wallet.create_account('ada@example.com') \gset
SELECT id AS shop FROM wallet.create_account('shop@example.com') \gset
SELECT id FROM wallet.deposit(:ada, 100);

-- The full forms take them; without a key, NULL is in its place. The charge and the fee of one order
-- share its number. Metadata is kept, and never queried.
SELECT (t.transaction).id AS charge
FROM wallet.transfer(:ada, :shop, 30.00, idempotency_key => 'order-17', reference => 'order-17',
                     metadata => '{"items": 3}') t \gset
SELECT (t.transaction).id, (t.transaction).amount
FROM wallet.withdraw(:ada, 0.90, idempotency_key => NULL, reference => 'order-17') t;

-- So does its refund.
SELECT (t.transaction).id, (t.transaction).amount
FROM wallet.reverse(:charge, idempotency_key => NULL, reference => 'order-17') t;

-- All of it, the newest first; or what the shop has of it.
SELECT id, source_account_id, target_account_id, amount, reverses, reference, metadata
FROM wallet.find_transactions(reference => 'order-17');
SELECT id, amount, reversed_by FROM wallet.find_transactions('order-17', account_id => :shop);

-- An account's transactions of a period.
SELECT count(*) FROM wallet.find_transactions(
    account_id => :ada, from_time => now() - interval '1 day', to_time => now() + interval '1 day');

-- An account has a reference too. It can change, and each change is kept.
SELECT id FROM wallet.annotate_account(:ada, reference => 'customer-7', metadata => '{"tier": 2}');
SELECT id, email FROM wallet.find_accounts(reference => 'customer-7');
SELECT n.reference, n.metadata, n.actor FROM wallet.get_annotation(account_id => :ada) n;
