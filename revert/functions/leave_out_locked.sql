-- Revert pgwallet:functions/leave_out_locked from pg

BEGIN;

DROP FUNCTION wallet.leave_out_locked(wallet.group_request[], wallet.claim[], bigint[]);

COMMIT;
