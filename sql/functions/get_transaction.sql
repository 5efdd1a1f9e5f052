-- Returns a transaction.
--
-- Locks: nothing.
-- Refusals: WL005 transaction_not_found.
--
--   SELECT * FROM wallet.get_transaction(1);

BEGIN;

SET LOCAL ROLE wallet_owner;

CREATE OR REPLACE FUNCTION wallet.get_transaction(id bigint)
RETURNS wallet.transaction
LANGUAGE plpgsql
STABLE
SECURITY DEFINER
SET search_path = wallet, pg_temp
AS $$
DECLARE
    v_transaction wallet.transaction;
BEGIN
    SELECT t.id, t.source_account_id, t.target_account_id, t.ctime, t.source_entry,
           t.target_entry, t.amount, t.source_balance, t.target_balance, t.actor
    INTO v_transaction
    FROM wallet.transaction t
    WHERE t.id = get_transaction.id;

    IF NOT FOUND THEN
        PERFORM wallet.raise_refusal(wallet.refusal('WL005', get_transaction.id));
    END IF;

    RETURN v_transaction;
END
$$;

COMMENT ON FUNCTION wallet.get_transaction(bigint) IS
    'Returns a transaction. Refusals: WL005 transaction_not_found';

REVOKE ALL ON FUNCTION wallet.get_transaction(bigint) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION wallet.get_transaction(bigint) TO wallet_app, wallet_reader;

COMMIT;
