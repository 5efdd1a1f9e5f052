-- Returns an account's balance as of a moment, or NULL for a moment before it was opened.
--
-- It is the stored balance of the last entry up to that moment, which entry_at() finds.
--
-- Locks: nothing.
-- Refusals: WL004 account_not_found.
--
--   SELECT wallet.balance_at(account_id => 1, at => '2026-01-01 00:00+00');

BEGIN;

SET LOCAL ROLE wallet_owner;

CREATE OR REPLACE FUNCTION wallet.balance_at(account_id bigint, at timestamptz)
RETURNS numeric
LANGUAGE plpgsql
STABLE
SECURITY DEFINER
SET search_path = wallet, pg_temp
AS $$
DECLARE
    v_account wallet.account := wallet.get_account(balance_at.account_id);
    v_entry bigint;
BEGIN
    IF (balance_at.at >= v_account.ctime) IS NOT TRUE THEN
        RETURN NULL;
    END IF;

    v_entry := wallet.entry_at(v_account.id, balance_at.at);
    RETURN coalesce(
        (SELECT e.balance FROM wallet.entry e
         WHERE e.account_id = v_account.id AND e.entry = v_entry), 0.00);
END
$$;

COMMENT ON FUNCTION wallet.balance_at(bigint, timestamptz) IS
    'Returns an account''s balance as of a moment, or NULL for a moment before it was opened. '
    'Refusals: WL004 account_not_found';

REVOKE ALL ON FUNCTION wallet.balance_at(bigint, timestamptz) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION wallet.balance_at(bigint, timestamptz) TO wallet_app, wallet_reader;

COMMIT;
