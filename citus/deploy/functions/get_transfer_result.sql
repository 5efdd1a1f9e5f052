-- Deploy pgwallet_citus:functions/get_transfer_result to pg
-- requires: nodes

BEGIN;

SET LOCAL ROLE wallet_owner;

-- Its statements see no common snapshot: a transfer may come out of the queue between them. It does
-- not go back, so a second look finds it.
ALTER FUNCTION wallet.get_transfer_result(bigint) SET SCHEMA wallet_plain;

CREATE FUNCTION wallet.get_transfer_result(id bigint)
RETURNS wallet.transfer_result
LANGUAGE plpgsql
STABLE
SECURITY DEFINER
SET search_path = wallet, pg_temp
AS $$
BEGIN
    BEGIN
        RETURN wallet_plain.get_transfer_result(get_transfer_result.id);
    EXCEPTION WHEN SQLSTATE 'WL005' THEN
        RETURN wallet_plain.get_transfer_result(get_transfer_result.id);
    END;
END
$$;

COMMENT ON FUNCTION wallet.get_transfer_result(bigint) IS
    'Returns a transaction and its state: pending, succeeded or failed. '
    'Refusals: WL005 transaction_not_found';

REVOKE ALL ON FUNCTION wallet.get_transfer_result(bigint) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION wallet.get_transfer_result(bigint) TO wallet_app, wallet_reader;
REVOKE ALL ON FUNCTION wallet_plain.get_transfer_result(bigint) FROM wallet_app, wallet_reader;

COMMIT;
