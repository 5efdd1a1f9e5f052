-- Reserve money now, take it or give it back later; a credit line; a daily limit of your own.
-- Run it as a superuser, in psql at the top of the checkout: \i sql/examples/6-holds.sql
\set SHOW_CONTEXT never

SELECT id AS buyer FROM wallet.create_account('buyer@example.com') \gset
SELECT id AS seller FROM wallet.create_account('seller@example.com') \gset
SELECT id AS fees FROM wallet.create_account('fees@example.com') \gset
SELECT id FROM wallet.deposit(:buyer, 100);

-- An order is placed: its price is reserved, and can be spent on nothing else.
SELECT id AS hold, amount, state FROM wallet.hold(:buyer, 60, expires_in => '3 days') \gset
SELECT id, balance, held, available FROM wallet.account_overview WHERE id = :buyer;
SELECT wallet.transfer(:buyer, :seller, 50);
\echo :LAST_ERROR_SQLSTATE

-- It is shipped: the seller gets most of it, the house its fee, and the rest is free again.
SELECT id, amount FROM wallet.capture(:hold, 50, :seller);
SELECT id, amount FROM wallet.capture(:hold, 5, :fees, final => true);
SELECT amount, captured, state FROM wallet.get_hold(:hold);
SELECT id, balance, held, available FROM wallet.account_overview WHERE id = :buyer;

-- A payout: reserve, ask the bank, then capture to outside, or release.
SELECT id AS payout FROM wallet.hold(:seller, 50) \gset
SELECT amount, state FROM wallet.release(:payout);
SELECT wallet.capture(:payout);
\echo :LAST_ERROR_SQLSTATE

-- A hold that nobody captures or releases expires. The queue worker calls this once a second.
SELECT id AS forgotten FROM wallet.hold(:buyer, 10, expires_in => '1 millisecond') \gset
SELECT pg_sleep(0.002) \g /dev/null
SELECT wallet.expire_holds(max_items => 1000);
SELECT state FROM wallet.get_hold(:forgotten);

-- A credit line: the balance may fall to -20.00.
SELECT balance, minimum FROM wallet.set_limits(:buyer, minimum => -20, maximum => NULL);
SELECT source_balance FROM wallet.transfer(:buyer, :seller, 60);

-- A daily limit is yours, not the ledger's. Lock, sum and transfer in one transaction: the lower id
-- first, as the wallet functions do, so that nobody deadlocks.
BEGIN;
SELECT id FROM wallet.account WHERE id IN (:seller, :buyer) ORDER BY id FOR NO KEY UPDATE \g /dev/null
SELECT coalesce(sum(amount), 0) + 30 <= 50 AS within
FROM wallet.transaction
WHERE source_account_id = :seller AND ctime >= date_trunc('day', clock_timestamp(), 'UTC') \gset
\if :within
SELECT amount FROM wallet.transfer(:seller, :buyer, 30);
\endif
COMMIT;

-- The same as a function, for a role that may touch no table.
CREATE FUNCTION public.transfer_within_daily_limit(source bigint, target bigint, amount numeric)
RETURNS wallet.transaction
LANGUAGE plpgsql SECURITY DEFINER SET search_path = wallet, pg_temp AS $$
BEGIN
    PERFORM FROM wallet.account a WHERE a.id IN (source, target) ORDER BY a.id FOR NO KEY UPDATE;
    IF (SELECT coalesce(sum(t.amount), 0) FROM wallet.transaction t
        WHERE t.source_account_id = source
          AND t.ctime >= date_trunc('day', clock_timestamp(), 'UTC'))
        + transfer_within_daily_limit.amount > 50
    THEN
        RAISE EXCEPTION 'daily limit exceeded' USING ERRCODE = 'P0001';
    END IF;
    RETURN wallet.transfer(source, target, transfer_within_daily_limit.amount);
END
$$;
REVOKE ALL ON FUNCTION public.transfer_within_daily_limit FROM PUBLIC;
GRANT EXECUTE ON FUNCTION public.transfer_within_daily_limit TO wallet_app;
SELECT (public.transfer_within_daily_limit(:seller, :buyer, 20)).amount;
SELECT public.transfer_within_daily_limit(:seller, :buyer, 0.01);
\echo :LAST_ERROR_SQLSTATE

SELECT account_id, amount, captured, state FROM wallet.hold_overview ORDER BY id;
SELECT * FROM wallet.audit();
DROP FUNCTION public.transfer_within_daily_limit;
