-- Revert pgwallet:hold from pg

BEGIN;

DROP TABLE wallet.hold;

COMMIT;
