-- Deploy pgwallet_citus:functions/lock_accounts to pg
-- requires: nodes

BEGIN;

SET LOCAL ROLE wallet_owner;

-- A row is waited for on its worker, which hears of lock_timeout only through SET LOCAL, and Citus
-- takes that from a function only if a query called it: use PERFORM.
CREATE OR REPLACE FUNCTION wallet.set_lock_timeout(value text DEFAULT NULL)
RETURNS void
LANGUAGE plpgsql
VOLATILE
AS $$
BEGIN
    EXECUTE format('SET LOCAL lock_timeout = %L',
                   coalesce(set_lock_timeout.value, current_setting('lock_timeout')));
END
$$;

COMMENT ON FUNCTION wallet.set_lock_timeout(text) IS
    'Sets lock_timeout on each node until the transaction ends; NULL is the value that the session '
    'has. Refusals: none';

REVOKE ALL ON FUNCTION wallet.set_lock_timeout(text) FROM PUBLIC;

-- As sql/functions/lock_accounts.sql, with a statement for each account: a statement that locks
-- rows may ask one shard alone. While it waits it keeps what it has: after a savepoint is rolled
-- back twice, Citus may lose a connection.
CREATE OR REPLACE FUNCTION wallet.lock_accounts(ids bigint[], wait int DEFAULT NULL)
RETURNS wallet.account[]
LANGUAGE plpgsql
VOLATILE
AS $$
DECLARE
    v_setting text := current_setting('lock_timeout');
    v_id bigint;
    v_account wallet.account;
    v_accounts wallet.account[] := '{}';
BEGIN
    PERFORM wallet.set_lock_timeout(lock_accounts.wait::text);
    FOR v_id IN SELECT DISTINCT i FROM unnest(lock_accounts.ids) i
                WHERE i IS NOT NULL ORDER BY i LOOP
        SELECT a.id, a.email, a.balance, a.ctime, a.mtime, a.entry_count, a.frozen,
               a.held, a.minimum, a.maximum INTO v_account
        FROM wallet.account a WHERE a.id = v_id FOR NO KEY UPDATE;
        IF FOUND THEN
            v_accounts := v_accounts || v_account;
        END IF;
    END LOOP;
    PERFORM wallet.set_lock_timeout(v_setting);
    RETURN v_accounts;
END
$$;

COMMIT;
