-- Raises an error unless each request of a group has a key and an operation that can be one.
--
-- For claim_keys(); nobody else may execute it.
--
-- Locks: nothing.
-- Refusals: none of class WL; 22023 for a bad key or operation.
--
--   SELECT wallet.check_group('{"(deposit,,1,5,,,,)"}');

BEGIN;

SET LOCAL ROLE wallet_owner;

CREATE OR REPLACE FUNCTION wallet.check_group(requests wallet.group_request[])
RETURNS void
LANGUAGE plpgsql
IMMUTABLE
AS $$
BEGIN
    PERFORM wallet.check_key(r.idempotency_key)
    FROM unnest(check_group.requests) r WHERE r.idempotency_key IS NOT NULL;
    IF EXISTS (
        SELECT FROM unnest(check_group.requests) r
        WHERE (r.operation = 'transfer'
               OR (r.operation = 'deposit' AND r.source_account_id IS NULL)
               OR (r.operation = 'withdraw' AND r.target_account_id IS NULL)) IS NOT TRUE)
    THEN
        RAISE EXCEPTION USING ERRCODE = 'invalid_parameter_value', MESSAGE = 'invalid operation',
            DETAIL = 'A request of the group is no deposit, withdrawal or transfer.',
            HINT = 'Give deposit without a source, withdraw without a target, or transfer.';
    END IF;
END
$$;

COMMENT ON FUNCTION wallet.check_group(wallet.group_request[]) IS
    'Raises an error unless each request of a group has a key and an operation that can be one. '
    'Refusals: none of class WL; 22023 for a bad key or operation';

REVOKE ALL ON FUNCTION wallet.check_group(wallet.group_request[]) FROM PUBLIC;

COMMIT;
