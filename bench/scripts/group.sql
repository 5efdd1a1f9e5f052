-- :items transfers in one call, as a service sends those that wait together; each with a key of its
-- own if :keyed is 1.
SELECT count(*) FROM wallet.run_group(
    ARRAY(SELECT ROW('transfer', a.source,
                     1 + (a.source - 1 + random(1, :accounts - 1)) % :accounts,
                     random(1, 9999) * 0.01,
                     CASE WHEN :keyed = 1 THEN gen_random_uuid()::text END, NULL,
                     NULL, NULL)::wallet.group_request
          FROM (SELECT random(1, :accounts) AS source FROM generate_series(1, :items)) AS a));
