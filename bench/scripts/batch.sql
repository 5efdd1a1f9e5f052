-- :items transfers in one call, between accounts that PostgreSQL picks.
SELECT count(*) FROM wallet.transfer_batch(
    ARRAY(SELECT ROW(a.source, 1 + (a.source - 1 + random(1, :accounts - 1)) % :accounts,
                     random(1, 9999) * 0.01)::wallet.transfer_request
          FROM (SELECT random(1, :accounts) AS source FROM generate_series(1, :items)) AS a), false);
