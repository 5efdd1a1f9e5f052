-- Revert pgwallet:functions/cancel_pending from pg

BEGIN;

DO $$
BEGIN
    -- Here, while they can still be settled or cancelled, and what has failed can be read.
    IF EXISTS (SELECT FROM wallet.pending_transfer) THEN
        RAISE EXCEPTION USING ERRCODE = 'object_not_in_prerequisite_state',
            MESSAGE = 'transfers are pending',
            DETAIL = 'To revert further would lose them.',
            HINT = 'Settle them with wallet.settle(), or cancel them with wallet.cancel_pending().';
    END IF;
END
$$;

DROP FUNCTION wallet.cancel_pending(bigint);

COMMIT;
