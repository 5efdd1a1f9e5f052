-- A transfer beside your own statements: both commit, or neither does.
-- Run it as a superuser, in psql at the top of the checkout: \i sql/examples/2-your-own-transaction.sql
\set SHOW_CONTEXT never

CREATE TABLE public.invoice (
    id int PRIMARY KEY,
    amount numeric(8, 2) NOT NULL,
    transaction_id bigint REFERENCES wallet.transaction (id)
);
INSERT INTO public.invoice VALUES (1, 40.00), (2, 80.00);

SELECT id AS customer FROM wallet.create_account('customer@example.com') \gset
SELECT id AS shop FROM wallet.create_account('shop@example.com') \gset
SELECT id FROM wallet.deposit(:customer, 100);

-- Invoice 1 is paid, and names the transaction.
BEGIN;
UPDATE public.invoice i
SET transaction_id = (SELECT t.id FROM wallet.transfer(:customer, :shop, i.amount) t)
WHERE i.id = 1
RETURNING i.id, i.transaction_id IS NOT NULL AS paid;
COMMIT;

-- The account holds too little for invoice 2: the refusal takes the caller's statement back too.
BEGIN;
UPDATE public.invoice SET amount = 81.00 WHERE id = 2;
SELECT wallet.transfer(:customer, :shop, 81.00);
\echo :LAST_ERROR_SQLSTATE
COMMIT;

-- Or catch the refusal, and go on.
CREATE FUNCTION pg_temp.pay(customer bigint, shop bigint, amount numeric) RETURNS text
LANGUAGE plpgsql AS $$
BEGIN
    RETURN 'paid by transaction ' || (wallet.transfer(customer, shop, amount)).id;
EXCEPTION WHEN SQLSTATE 'WL006' THEN
    RETURN 'not paid yet: ' || SQLERRM;
END
$$;
SELECT pg_temp.pay(:customer, :shop, 80.00);

SELECT id, amount, transaction_id IS NOT NULL AS paid FROM public.invoice ORDER BY id;
SELECT id, balance FROM wallet.account WHERE id IN (:customer, :shop) ORDER BY id;

DROP TABLE public.invoice;
DROP FUNCTION pg_temp.pay;
