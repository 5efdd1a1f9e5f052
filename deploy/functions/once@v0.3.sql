-- Does what a request asks for, unless its key has been used: then it gives the first answer again.
--
-- The key's row is written first, before any account is locked, in the transaction of the effect:
-- both are there or neither is. A second call with the key waits for the first one to commit. A
-- refusal is an answer too and is kept, so that a late duplicate cannot succeed after the caller
-- was told no; but refusals of what was given (WL001 to WL003) leave no trace. For the functions
-- that take an idempotency_key; nobody else may execute it.
--
-- Locks: the key, then what the operation locks, until the caller's transaction ends.
-- Refusals, the first that applies:
--   22023 invalid_parameter_value  the key is not 1 to 255 printable ASCII characters
--   WL001 invalid_email
--   WL002 invalid_amount
--   WL003 same_account
--   WL011 idempotency_key_reused   the key was used for another request
-- All others are part of the answer. A key that was used for another request is refused before
-- what is asked for is looked at.
--
--   SELECT (wallet.once('k-1', 'deposit', '{"account_id": 1, "amount": 5.00}')).transaction;

BEGIN;

SET LOCAL ROLE wallet_owner;

CREATE OR REPLACE FUNCTION wallet.once(idempotency_key text, operation text, arguments jsonb)
RETURNS wallet.answer
LANGUAGE plpgsql
VOLATILE
AS $$
DECLARE
    v_request jsonb := jsonb_build_object(once.operation, once.arguments);
    v_known record;
    v_refusal wallet.refusal;
    v_answer wallet.answer;
BEGIN
    IF (once.idempotency_key ~ '^[\u0020-\u007e]{1,255}$') IS NOT TRUE THEN
        RAISE EXCEPTION USING ERRCODE = 'invalid_parameter_value',
            MESSAGE = 'invalid idempotency key',
            DETAIL = format('The key has %s characters.', coalesce(length(idempotency_key), 0)),
            HINT = 'Give a key of 1 to 255 printable ASCII characters.';
    END IF;

    INSERT INTO wallet.idempotency_key AS k (key, request, ctime)
    VALUES (once.idempotency_key, v_request, clock_timestamp())
    ON CONFLICT DO NOTHING;

    IF NOT FOUND THEN
        SELECT k.request, k.answer INTO v_known
        FROM wallet.idempotency_key k WHERE k.key = once.idempotency_key;
        IF NOT FOUND THEN
            -- Purged between the two statements: it is a new key again.
            RETURN wallet.once(once.idempotency_key, once.operation, once.arguments);
        ELSIF v_known.request <> v_request THEN
            v_refusal := wallet.refusal('WL011');
            RAISE EXCEPTION USING ERRCODE = v_refusal.sqlstate, MESSAGE = v_refusal.message,
                DETAIL = v_refusal.detail, HINT = v_refusal.hint;
        END IF;
        v_answer := jsonb_populate_record(NULL::wallet.answer, v_known.answer);
        v_answer.replayed := true;
        RETURN v_answer;
    END IF;

    v_answer := wallet.attempt(once.operation, once.arguments);
    UPDATE wallet.idempotency_key k SET answer = to_jsonb(v_answer)
    WHERE k.key = once.idempotency_key;
    RETURN v_answer;
END
$$;

COMMENT ON FUNCTION wallet.once(text, text, jsonb) IS
    'Does what a request asks for, unless its key has been used: then it gives the first answer '
    'again. Refusals: 22023 for a bad key, WL001 invalid_email, WL002 invalid_amount, '
    'WL003 same_account, WL011 idempotency_key_reused';

REVOKE ALL ON FUNCTION wallet.once(text, text, jsonb) FROM PUBLIC;

COMMIT;
