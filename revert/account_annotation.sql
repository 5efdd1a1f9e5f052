-- Revert pgwallet:account_annotation from pg

BEGIN;

DROP TABLE wallet.account_annotation;

COMMIT;
