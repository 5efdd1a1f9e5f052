-- Returns the number of an account's last entry up to a moment; 0 if there is none.
--
-- Times never run backwards along the entries, and entries have no gap. So it finds the entry by
-- halving, in 20 steps for a million entries. For the functions that read an account's past; nobody
-- else may execute it.
--
-- Locks: nothing.
-- Refusals: none.
--
--   SELECT wallet.entry_at(account_id => 1, at => '2026-01-01 00:00+00');

BEGIN;

SET LOCAL ROLE wallet_owner;

CREATE OR REPLACE FUNCTION wallet.entry_at(account_id bigint, at timestamptz)
RETURNS bigint
LANGUAGE plpgsql
STABLE
AS $$
DECLARE
    -- The entry looked for is v_low or lies between v_low and v_high; entry 0 is the opening.
    v_low bigint := 0::bigint;
    v_high bigint := (
        SELECT a.entry_count::bigint FROM wallet.account a WHERE a.id = entry_at.account_id);
    v_middle bigint;
    v_ctime timestamptz;
BEGIN
    WHILE v_low < v_high LOOP
        v_middle := (v_low + v_high + 1) / 2;
        SELECT e.ctime INTO STRICT v_ctime
        FROM wallet.entry e
        WHERE e.account_id = entry_at.account_id AND e.entry = v_middle;
        IF v_ctime <= entry_at.at THEN
            v_low := v_middle;
        ELSE
            v_high := v_middle - 1;
        END IF;
    END LOOP;
    RETURN v_low;
END
$$;

COMMENT ON FUNCTION wallet.entry_at(bigint, timestamptz) IS
    'Returns the number of an account''s last entry up to a moment; 0 if there is none. '
    'Refusals: none';

REVOKE ALL ON FUNCTION wallet.entry_at(bigint, timestamptz) FROM PUBLIC;

COMMIT;
