-- Rounds an amount to hundredths, half away from zero; NULL unless that is 0.01 to 999999.99.
--
-- For the functions that move money, each of which looks at the amount before anything else; nobody
-- else may execute it. PostgreSQL puts the body in place of the call.
--
-- Locks: nothing.
-- Refusals: none.
--
--   SELECT wallet.round_amount(0.005);

BEGIN;

SET LOCAL ROLE wallet_owner;

CREATE OR REPLACE FUNCTION wallet.round_amount(amount numeric)
RETURNS numeric
LANGUAGE sql
IMMUTABLE
AS $$
-- Compared as given: rounding can carry the longest numbers past what numeric holds. NaN and
-- Infinity sort above every number; NULL makes the comparison NULL.
SELECT CASE WHEN round_amount.amount >= 0.005 AND round_amount.amount < wallet.max_amount() + 0.005
    THEN round(round_amount.amount, 2) END
$$;

COMMENT ON FUNCTION wallet.round_amount(numeric) IS
    'Rounds an amount to hundredths, half away from zero; NULL unless that is 0.01 to 999999.99. '
    'Refusals: none';

REVOKE ALL ON FUNCTION wallet.round_amount(numeric) FROM PUBLIC;

COMMIT;
