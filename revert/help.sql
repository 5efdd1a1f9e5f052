-- Revert pgwallet:help from pg

-- The last change is the first one to be reverted. So a revert that would lose money stops here,
-- before it drops anything.

BEGIN;

DO $$
DECLARE
    v_rows text;
BEGIN
    -- Locked, so that nothing comes after this look.
    LOCK TABLE wallet.account, wallet.transaction, wallet.pending_transfer
        IN SHARE ROW EXCLUSIVE MODE;
    SELECT format('%s accounts, %s transactions and %s pending transfers', a, t, p) INTO v_rows
    FROM (SELECT count(*) FROM wallet.account) AS a (a),
         (SELECT count(*) FROM wallet.transaction) AS t (t),
         (SELECT count(*) FROM wallet.pending_transfer) AS p (p)
    WHERE a + t + p > 0;
    IF FOUND AND current_setting('wallet.lose_data', true) IS DISTINCT FROM 'on' THEN
        RAISE EXCEPTION USING ERRCODE = 'object_not_in_prerequisite_state',
            MESSAGE = 'a revert would lose the ledger',
            DETAIL = format('It has %s.', v_rows),
            HINT = 'Back it up first. Then revert with PGOPTIONS="-c wallet.lose_data=on".';
    END IF;
END
$$;

DROP VIEW wallet.help;

COMMIT;
