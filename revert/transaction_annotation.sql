-- Revert pgwallet:transaction_annotation from pg

BEGIN;

DROP TABLE wallet.transaction_annotation;

COMMIT;
