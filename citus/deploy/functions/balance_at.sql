-- Deploy pgwallet_citus:functions/balance_at to pg
-- requires: nodes

BEGIN;

SET LOCAL ROLE wallet_owner;

-- An account may count an entry whose node has only prepared it.
ALTER FUNCTION wallet.balance_at(bigint, timestamptz) SET SCHEMA wallet_plain;

CREATE FUNCTION wallet.balance_at(account_id bigint, at timestamptz)
RETURNS numeric
LANGUAGE plpgsql
STABLE
SECURITY DEFINER
SET search_path = wallet, pg_temp
AS $$
BEGIN
    FOR i IN 1 .. 100 LOOP
        BEGIN
            RETURN wallet_plain.balance_at(balance_at.account_id, balance_at.at);
        EXCEPTION WHEN no_data_found THEN
            PERFORM pg_sleep(0.01);
        END;
    END LOOP;
    RAISE EXCEPTION USING ERRCODE = 'lock_not_available', MESSAGE = 'not there yet',
        DETAIL = 'A node has prepared an entry, and has yet to commit it.',
        HINT = 'Try again later.';
END
$$;

COMMENT ON FUNCTION wallet.balance_at(bigint, timestamptz) IS
    'Returns an account''s balance as of a moment, or NULL for a moment before it was opened. '
    'Refusals: WL004 account_not_found';

REVOKE ALL ON FUNCTION wallet.balance_at(bigint, timestamptz) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION wallet.balance_at(bigint, timestamptz) TO wallet_app, wallet_reader;
REVOKE ALL ON FUNCTION wallet_plain.balance_at(bigint, timestamptz) FROM wallet_app, wallet_reader;

COMMIT;
