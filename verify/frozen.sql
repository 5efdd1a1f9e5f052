-- Verify pgwallet:frozen on pg

BEGIN;

SELECT a.frozen FROM wallet.account a WHERE false;

ROLLBACK;
