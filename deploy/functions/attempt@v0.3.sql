-- Does what a request asks for, and returns what it made, or why it is refused.
--
-- What is refused for what was given (WL001 to WL003) is raised. All other refusals are returned,
-- with nothing done. For wallet.once(); nobody else may execute it.
--
-- Locks: what the operation locks, until the caller's transaction ends.
-- Refusals, the first that applies:
--   WL001 invalid_email
--   WL002 invalid_amount
--   WL003 same_account
-- All others are returned.
--
--   SELECT (wallet.attempt('deposit', '{"account_id": 1, "amount": 5.00}')).transaction;

BEGIN;

SET LOCAL ROLE wallet_owner;

CREATE OR REPLACE FUNCTION wallet.attempt(operation text, arguments jsonb)
RETURNS wallet.answer
LANGUAGE plpgsql
VOLATILE
AS $$
DECLARE
    v_amount numeric := (attempt.arguments ->> 'amount')::numeric;
    v_answer wallet.answer;
    v_sqlstate text;
    v_message text;
    v_detail text;
    v_hint text;
BEGIN
    v_answer.replayed := false;
    CASE attempt.operation
        WHEN 'create_account' THEN
            v_answer.account := wallet.create_account(attempt.arguments ->> 'email');
        WHEN 'deposit' THEN
            v_answer.transaction := wallet.deposit(
                (attempt.arguments ->> 'account_id')::bigint, v_amount);
        WHEN 'withdraw' THEN
            v_answer.transaction := wallet.withdraw(
                (attempt.arguments ->> 'account_id')::bigint, v_amount);
        WHEN 'transfer' THEN
            v_answer.transaction := wallet.transfer(
                (attempt.arguments ->> 'source_account_id')::bigint,
                (attempt.arguments ->> 'target_account_id')::bigint, v_amount);
        WHEN 'reverse' THEN
            v_answer.transaction := wallet.reverse(
                (attempt.arguments ->> 'transaction_id')::bigint);
    END CASE;
    RETURN v_answer;
EXCEPTION WHEN
    SQLSTATE 'WL004' OR SQLSTATE 'WL005' OR SQLSTATE 'WL006' OR SQLSTATE 'WL007'
    OR SQLSTATE 'WL008' OR SQLSTATE 'WL009' OR SQLSTATE 'WL010'
THEN
    GET STACKED DIAGNOSTICS v_sqlstate = RETURNED_SQLSTATE, v_message = MESSAGE_TEXT,
        v_detail = PG_EXCEPTION_DETAIL, v_hint = PG_EXCEPTION_HINT;
    v_answer.refusal := ROW(v_sqlstate, v_message, v_detail, v_hint)::wallet.refusal;
    RETURN v_answer;
END
$$;

COMMENT ON FUNCTION wallet.attempt(text, jsonb) IS
    'Does what a request asks for, and returns what it made, or why it is refused. '
    'Refusals: WL001 invalid_email, WL002 invalid_amount, WL003 same_account';

REVOKE ALL ON FUNCTION wallet.attempt(text, jsonb) FROM PUBLIC;

COMMIT;
