-- Verify pgwallet:answer_outcomes on pg

BEGIN;

SELECT ((a).outcomes)[1].state FROM (SELECT NULL::wallet.answer) s (a);

ROLLBACK;
