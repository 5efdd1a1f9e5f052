-- Revert pgwallet:hold_capture from pg

BEGIN;

DROP TABLE wallet.hold_capture;

COMMIT;
