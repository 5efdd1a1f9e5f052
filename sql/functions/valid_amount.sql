-- Rounds an amount to hundredths, half away from zero, and returns it if it is 0.01 to 999999.99.
--
-- For the functions that move money, each of which calls it before anything else; nobody else may
-- execute it.
--
-- Locks: nothing.
-- Refusals: WL002 invalid_amount, for NULL, NaN and Infinity too.
--
--   SELECT wallet.valid_amount(0.005);

BEGIN;

SET LOCAL ROLE wallet_owner;

CREATE OR REPLACE FUNCTION wallet.valid_amount(amount numeric)
RETURNS numeric
LANGUAGE plpgsql
IMMUTABLE
AS $$
DECLARE
    v_refusal wallet.refusal;
BEGIN
    -- Compared as given: rounding can carry the longest numbers past what numeric holds. NaN and
    -- Infinity sort above every number; NULL makes the comparison NULL.
    IF valid_amount.amount >= 0.005 AND valid_amount.amount < 999999.995 THEN
        RETURN round(valid_amount.amount, 2);
    END IF;

    v_refusal := wallet.refusal('WL002', amount => valid_amount.amount);
    RAISE EXCEPTION USING ERRCODE = v_refusal.sqlstate, MESSAGE = v_refusal.message,
        DETAIL = v_refusal.detail, HINT = v_refusal.hint;
END
$$;

COMMENT ON FUNCTION wallet.valid_amount(numeric) IS
    'Rounds an amount to hundredths, half away from zero, and returns it if it is 0.01 to '
    '999999.99. Refusals: WL002 invalid_amount';

REVOKE ALL ON FUNCTION wallet.valid_amount(numeric) FROM PUBLIC;

COMMIT;
