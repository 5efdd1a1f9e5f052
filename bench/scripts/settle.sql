SELECT wallet.settle(:items);
