SELECT id, source_account_id, target_account_id, amount, ctime
FROM wallet.transfer(:source, :target, :amount * 0.01);
