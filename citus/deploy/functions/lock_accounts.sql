-- Deploy pgwallet_citus:functions/lock_accounts to pg
-- requires: nodes

BEGIN;

SET LOCAL ROLE wallet_owner;

-- As sql/functions/lock_accounts.sql, with a statement for each account: a statement that locks
-- rows may ask one shard alone. A node hears of lock_timeout only through SET LOCAL. While it waits
-- it keeps what it has: after a savepoint is rolled back twice, Citus may lose a connection.
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
    EXECUTE format('SET LOCAL lock_timeout = %L', coalesce(lock_accounts.wait::text, v_setting));
    FOR v_id IN SELECT DISTINCT i FROM unnest(lock_accounts.ids) i
                WHERE i IS NOT NULL ORDER BY i LOOP
        SELECT a.id, a.email, a.balance, a.ctime, a.mtime, a.entry_count, a.frozen,
               a.held, a.minimum, a.maximum INTO v_account
        FROM wallet.account a WHERE a.id = v_id FOR NO KEY UPDATE;
        IF FOUND THEN
            v_accounts := v_accounts || v_account;
        END IF;
    END LOOP;
    EXECUTE format('SET LOCAL lock_timeout = %L', v_setting);
    RETURN v_accounts;
END
$$;

COMMIT;
