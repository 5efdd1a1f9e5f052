-- Pays an amount out of an account to outside, once for each key.
--
-- As withdraw() without a key, but a second call with the same key and arguments does
-- nothing and gets the first one's answer, with replayed set; a refusal is an answer too. Only
-- what is wrong with the arguments is raised, and can be tried again under the same key.
--
-- Locks: the key, then what withdraw() locks, until the caller's transaction ends.
-- Refusals, the first that applies:
--   22023 invalid_parameter_value  the key is not 1 to 255 printable ASCII characters
--   WL002 invalid_amount
--   WL011 idempotency_key_reused
-- All others are part of the answer. A key that was used for another request is refused before
-- what is asked for is looked at.
--
--   SELECT * FROM wallet.withdraw(account_id => 1, amount => 5.00, idempotency_key => 'k-1');

BEGIN;

SET LOCAL ROLE wallet_owner;

CREATE OR REPLACE FUNCTION wallet.withdraw(account_id bigint, amount numeric, idempotency_key text)
RETURNS wallet.answer
LANGUAGE plpgsql
VOLATILE
SECURITY DEFINER
SET search_path = wallet, pg_temp
AS $$
BEGIN
    RETURN wallet.once(
        withdraw.idempotency_key, 'withdraw',
        jsonb_build_object('account_id', withdraw.account_id, 'amount', withdraw.amount)
    );
END
$$;

COMMENT ON FUNCTION wallet.withdraw(bigint, numeric, text) IS
    'Pays an amount out of an account to outside, once for each key. '
    'Refusals: 22023 for a bad key, WL002 invalid_amount, WL011 idempotency_key_reused';

REVOKE ALL ON FUNCTION wallet.withdraw(bigint, numeric, text) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION wallet.withdraw(bigint, numeric, text) TO wallet_app;

COMMIT;
