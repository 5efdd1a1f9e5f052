-- Revert pgwallet:pending_transfer from pg

BEGIN;

DO $$
BEGIN
    -- Locked, so that none comes after this look.
    LOCK TABLE wallet.pending_transfer IN ACCESS EXCLUSIVE MODE;
    IF EXISTS (SELECT FROM wallet.pending_transfer) THEN
        RAISE EXCEPTION USING ERRCODE = 'object_not_in_prerequisite_state',
            MESSAGE = 'transfers are pending',
            DETAIL = 'Dropping their table would lose them.',
            HINT = 'Deploy again, then process them with wallet.process_pending().';
    END IF;
END
$$;

DROP TABLE wallet.pending_transfer;

COMMIT;
