SELECT wallet.enqueue_transfer(:source, :target, :amount * 0.01);
