-- Returns whether an account's balance is within its limits: the rule of the table account.
--
-- What is held cannot be moved, so it counts as gone against the minimum. PostgreSQL parses a
-- table's CHECK anew for each statement that writes, but compiles a function once a session. So the
-- rule is a function, and the CHECK a call of it. Nobody else may execute it.
--
-- Locks: nothing.
-- Refusals: none.
--
--   SELECT wallet.is_within_limits(balance => 5, held => 2, minimum => 0, maximum => 10);

BEGIN;

SET LOCAL ROLE wallet_owner;

CREATE OR REPLACE FUNCTION wallet.is_within_limits(
    balance wallet.balance, held wallet.held, minimum wallet.balance, maximum wallet.balance
)
RETURNS boolean
LANGUAGE plpgsql
IMMUTABLE
AS $$
BEGIN
    RETURN minimum <= balance - held AND balance <= maximum;
END
$$;

COMMENT ON FUNCTION wallet.is_within_limits(
    wallet.balance, wallet.held, wallet.balance, wallet.balance
) IS
    'Returns whether an account''s balance is within its limits: the rule of the table account. '
    'Refusals: none';

REVOKE ALL ON FUNCTION wallet.is_within_limits(
    wallet.balance, wallet.held, wallet.balance, wallet.balance
) FROM PUBLIC;

COMMIT;
