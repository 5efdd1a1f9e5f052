-- A transfer beside your own statements: both commit, or neither does.
\set SHOW_CONTEXT never

CREATE TABLE public.invoice (
    id int PRIMARY KEY,
    amount numeric(8, 2) NOT NULL,
    transaction_id bigint REFERENCES wallet.transaction (id)
);
INSERT INTO public.invoice VALUES (1, 40.00), (2, 80.00);

SELECT id FROM wallet.create_account('customer@example.com');
SELECT id FROM wallet.create_account('shop@example.com');
SELECT id FROM wallet.deposit(1, 100);

-- Invoice 1 is paid, and names the transaction.
BEGIN;
UPDATE public.invoice i
SET transaction_id = (SELECT t.id FROM wallet.transfer(1, 2, i.amount) t)
WHERE i.id = 1
RETURNING i.id, i.transaction_id IS NOT NULL AS paid;
COMMIT;

-- The account holds too little for invoice 2: the refusal takes the caller's statement back too.
BEGIN;
UPDATE public.invoice SET amount = 81.00 WHERE id = 2;
SELECT wallet.transfer(1, 2, 81.00);
\echo :LAST_ERROR_SQLSTATE
COMMIT;

-- Or catch the refusal, and go on.
DO $$
BEGIN
    PERFORM wallet.transfer(1, 2, 80.00);
EXCEPTION WHEN SQLSTATE 'WL006' THEN
    RAISE NOTICE 'not paid yet: %', SQLERRM;
END
$$;

SELECT id, amount, transaction_id IS NOT NULL AS paid FROM public.invoice ORDER BY id;
SELECT id, balance FROM wallet.account ORDER BY id;

DROP TABLE public.invoice;
