-- Returns the words of a refusal: SQLSTATE, fixed message, the data as its detail, what to do.
--
-- For the functions of this schema, which raise it or record it; nobody else may execute it. Each
-- refusal takes the data that its lines below name.
--
-- Locks: nothing.
-- Refusals: none.
--
--   SELECT * FROM wallet.refusal('WL006', id => 1, balance => 5.00, amount => 12.30);

BEGIN;

SET LOCAL ROLE wallet_owner;

CREATE OR REPLACE FUNCTION wallet.refusal(
    sqlstate text, id bigint DEFAULT NULL, balance numeric DEFAULT NULL, amount numeric DEFAULT NULL
)
RETURNS wallet.refusal
LANGUAGE plpgsql
IMMUTABLE
AS $$
DECLARE
    v_id text := coalesce(refusal.id::text, 'NULL');
    v_amount text := coalesce(left(refusal.amount::text, 60), 'NULL');
BEGIN
    RETURN CASE refusal.sqlstate
        WHEN 'WL002' THEN ROW(refusal.sqlstate, 'invalid amount',
            format('The amount is %s.', v_amount),
            format('Give an amount that is 0.01 to %s once rounded to hundredths.',
                   wallet.max_amount()))::wallet.refusal
        WHEN 'WL003' THEN ROW(refusal.sqlstate, 'same account',
            format('Source and target are both account %s.', v_id),
            'Name two different accounts.')::wallet.refusal
        WHEN 'WL004' THEN ROW(refusal.sqlstate, 'account not found',
            format('There is no account %s.', v_id),
            'Check the id, or open an account first.')::wallet.refusal
        WHEN 'WL005' THEN ROW(refusal.sqlstate, 'transaction not found',
            format('There is no transaction %s.', v_id),
            'Check the id.')::wallet.refusal
        WHEN 'WL006' THEN ROW(refusal.sqlstate, 'insufficient funds',
            format('Account %s holds %s, which is less than %s.', v_id, refusal.balance, v_amount),
            'Move no more than the account holds, or pay in first.')::wallet.refusal
        WHEN 'WL007' THEN ROW(refusal.sqlstate, 'balance limit exceeded',
            format('Account %s holds %s; with %s more it would pass %s.',
                   v_id, refusal.balance, v_amount, wallet.max_amount()),
            format('Move at most %s to this account.',
                   wallet.max_amount() - refusal.balance))::wallet.refusal
        WHEN 'WL008' THEN ROW(refusal.sqlstate, 'account frozen',
            format('Account %s takes no part in new transactions.', v_id),
            'Name another account, or have this one unfrozen.')::wallet.refusal
        WHEN 'WL009' THEN ROW(refusal.sqlstate, 'already reversed',
            format('Transaction %s has been reversed already.', v_id),
            'Nothing is left to do.')::wallet.refusal
        WHEN 'WL010' THEN ROW(refusal.sqlstate, 'not reversible',
            format('Transaction %s is a reversal itself.', v_id),
            'Make a new transaction instead.')::wallet.refusal
        WHEN 'WL011' THEN ROW(refusal.sqlstate, 'idempotency key reused',
            'The key was used for another request.',
            'Use a new key for a new request.')::wallet.refusal
        WHEN 'WL012' THEN ROW(refusal.sqlstate, 'batch too large',
            format('The batch has %s transfers.', v_id),
            'Give at most 10000 at once.')::wallet.refusal
        WHEN 'WL013' THEN ROW(refusal.sqlstate, 'batch refused',
            format('Item %s was refused, and the batch is atomic: nothing was done.', v_id),
            'Leave that item out, or give a batch that is not atomic.')::wallet.refusal
        WHEN 'WL014' THEN ROW(refusal.sqlstate, 'cancelled',
            format('Transaction %s was cancelled while it was pending.', v_id),
            'Ask for the transfer again, if it is still wanted.')::wallet.refusal
        WHEN 'WL015' THEN ROW(refusal.sqlstate, 'not pending',
            format('Transaction %s has succeeded or failed already.', v_id),
            'Reverse it, if it succeeded and is to be taken back.')::wallet.refusal
        WHEN 'WL020' THEN ROW(refusal.sqlstate, 'processing failed',
            format('Processing transaction %s raised an error several times.', v_id),
            'Ask for the transfer again once the cause is mended.')::wallet.refusal
    END;
END
$$;

COMMENT ON FUNCTION wallet.refusal(text, bigint, numeric, numeric) IS
    'Returns the words of a refusal: SQLSTATE, fixed message, the data as its detail, what to do. '
    'Refusals: none';

REVOKE ALL ON FUNCTION wallet.refusal(text, bigint, numeric, numeric) FROM PUBLIC;

COMMIT;
