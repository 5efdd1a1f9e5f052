-- Refuses UPDATE, DELETE and TRUNCATE of what is in the ledger.
--
-- A trigger function. It refuses everybody, the owner of the tables too. Only a superuser who first
-- runs SET LOCAL wallet.change_history = on gets past it.
--
-- Locks: nothing.
-- Refusals: none of class WL; 42501 insufficient_privilege.
--
--   SELECT tgname FROM pg_trigger WHERE tgfoid = 'wallet.refuse_change'::regproc;

BEGIN;

SET LOCAL ROLE wallet_owner;

CREATE OR REPLACE FUNCTION wallet.refuse_change()
RETURNS trigger
LANGUAGE plpgsql
VOLATILE
SET search_path = wallet, pg_temp
AS $$
BEGIN
    IF current_setting('wallet.change_history', true) = 'on'
        AND (SELECT r.rolsuper FROM pg_roles r WHERE r.rolname = current_user)
    THEN
        RETURN NULL;
    END IF;

    RAISE EXCEPTION USING ERRCODE = 'insufficient_privilege',
        MESSAGE = format('%s on wallet.%s is refused', tg_op, tg_table_name),
        DETAIL = 'What is in the ledger is never changed or deleted.',
        HINT = 'Take a transaction back with wallet.reverse(). In an emergency, a superuser may '
            'first run SET LOCAL wallet.change_history = on.';
END
$$;

COMMENT ON FUNCTION wallet.refuse_change() IS
    'Refuses UPDATE, DELETE and TRUNCATE of what is in the ledger. Refusals: none of class WL; '
    '42501 insufficient_privilege';

REVOKE ALL ON FUNCTION wallet.refuse_change() FROM PUBLIC;

COMMIT;
