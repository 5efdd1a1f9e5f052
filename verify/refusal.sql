-- Verify pgwallet:refusal on pg

BEGIN;

SELECT (r).sqlstate, (r).message, (r).detail, (r).hint FROM (SELECT NULL::wallet.refusal) s (r);

ROLLBACK;
