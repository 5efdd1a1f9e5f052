-- Your own names for what you do: references and metadata, and how to find it again. As wallet_app.
--
-- The full forms take them; a full form without a key has NULL in its place.
SELECT id FROM wallet.create_account('ada@example.com');
SELECT id FROM wallet.create_account('shop@example.com');
SELECT id, amount FROM wallet.deposit(1, 100);

-- The charge and the fee of one order share its number. Metadata is kept, and never queried.
SELECT (t.transaction).id, (t.transaction).amount
FROM wallet.transfer(1, 2, 30.00, idempotency_key => 'order-17', reference => 'order-17',
                     metadata => '{"items": 3}') t;
SELECT (t.transaction).id, (t.transaction).amount
FROM wallet.withdraw(2, 0.90, idempotency_key => NULL, reference => 'order-17') t;

-- So does its refund.
SELECT (t.transaction).id, (t.transaction).amount
FROM wallet.reverse(2, idempotency_key => NULL, reference => 'order-17') t;

-- All of it, the newest first; or what account 1 has of it.
SELECT id, source_account_id, target_account_id, amount, reverses, reference, metadata
FROM wallet.find_transactions(reference => 'order-17');
SELECT id, amount, reversed_by FROM wallet.find_transactions('order-17', account_id => 1);

-- An account's transactions of a period.
SELECT count(*) FROM wallet.find_transactions(
    account_id => 1, from_time => now() - interval '1 day', to_time => now() + interval '1 day');

-- An account has a reference too. It can change, and each change is kept.
SELECT id FROM wallet.annotate_account(1, reference => 'customer-7', metadata => '{"tier": 2}');
SELECT id, email FROM wallet.find_accounts(reference => 'customer-7');
SELECT n.reference, n.metadata, n.actor FROM wallet.get_annotation(account_id => 1) n;
