SELECT replayed, transaction
FROM wallet.transfer(:source, :target, :amount * 0.01, gen_random_uuid()::text);
