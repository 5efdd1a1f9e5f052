-- Revert pgwallet:pending_transfer from pg

BEGIN;

DO $$
BEGIN
    -- One may have come since cancel_pending() was reverted, and none may come after this look.
    LOCK TABLE wallet.pending_transfer IN ACCESS EXCLUSIVE MODE;
    IF EXISTS (SELECT FROM wallet.pending_transfer) THEN
        RAISE EXCEPTION USING ERRCODE = 'object_not_in_prerequisite_state',
            MESSAGE = 'transfers are pending',
            DETAIL = 'To drop their table would lose them.',
            HINT = 'Deploy again, then settle them with wallet.settle().';
    END IF;
END
$$;

DROP TABLE wallet.pending_transfer;

COMMIT;
