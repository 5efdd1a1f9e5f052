SELECT id AS hold FROM wallet.hold(:source, :amount * 0.01) \gset
SELECT id, source_account_id, target_account_id, amount, ctime
FROM wallet.capture(:hold, target_account_id => :target);
