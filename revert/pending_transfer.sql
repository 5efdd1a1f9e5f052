-- Revert pgwallet:pending_transfer from pg

BEGIN;

DO $$
BEGIN
    -- Nobody may ask for another one between the look and the drop.
    LOCK TABLE wallet.pending_transfer IN ACCESS EXCLUSIVE MODE;
    IF EXISTS (SELECT FROM wallet.pending_transfer) THEN
        RAISE EXCEPTION USING ERRCODE = 'object_not_in_prerequisite_state',
            MESSAGE = 'transfers are pending',
            DETAIL = 'To drop their table would lose them.',
            HINT = 'Settle them with wallet.settle(), or cancel them with wallet.cancel_pending().';
    END IF;
END
$$;

DROP TABLE wallet.pending_transfer;

COMMIT;
