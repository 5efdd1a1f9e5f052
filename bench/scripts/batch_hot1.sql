-- :items transfers in one call, all of them into one account: cents, so that it can hold them.
SELECT count(*) FROM wallet.transfer_batch(
    ARRAY(SELECT ROW(random(2, :accounts), 1, random(1, 9) * 0.01)::wallet.transfer_request
          FROM generate_series(1, :items)), false);
