-- Returns the words of a refusal: SQLSTATE, fixed message, the data as its detail, what to do.
--
-- For the functions of this schema, which raise it or record it; nobody else may execute it. Each
-- refusal takes the data that its lines below name.
--
-- Locks: nothing.
-- Refusals: none.
--
--   SELECT * FROM wallet.refusal('WL007', id => 1, balance => 5, amount => 12.30, bound => 15);

BEGIN;

SET LOCAL ROLE wallet_owner;

CREATE OR REPLACE FUNCTION wallet.refusal(
    sqlstate text, id bigint DEFAULT NULL, balance numeric DEFAULT NULL,
    amount numeric DEFAULT NULL, bound numeric DEFAULT NULL, held numeric DEFAULT NULL,
    state text DEFAULT NULL
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
            format('There is no transaction %s.', v_id), 'Check the id.')::wallet.refusal
        WHEN 'WL006' THEN ROW(refusal.sqlstate, 'insufficient funds',
            CASE WHEN refusal.held = 0 AND refusal.bound = 0
                THEN format('Account %s holds %s, which is less than %s.',
                            v_id, refusal.balance, v_amount)
                ELSE format('Account %s holds %s, of which %s is held, and may fall to %s: '
                    '%s is available, which is less than %s.', v_id, refusal.balance, refusal.held,
                    refusal.bound, refusal.balance - refusal.held - refusal.bound, v_amount) END,
            'Move no more than the account holds, or pay in first.')::wallet.refusal
        WHEN 'WL007' THEN ROW(refusal.sqlstate, 'balance limit exceeded',
            format('Account %s holds %s; with %s more it would pass %s.',
                   v_id, refusal.balance, v_amount, refusal.bound),
            format('Move at most %s to this account.',
                   refusal.bound - refusal.balance))::wallet.refusal
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
            format('The batch has %s transfers.', v_id), 'Give at most 10000.')::wallet.refusal
        WHEN 'WL013' THEN ROW(refusal.sqlstate, 'batch refused',
            format('Item %s was refused, and the batch is atomic: nothing was done.', v_id),
            'Leave that item out, or give a batch that is not atomic.')::wallet.refusal
        WHEN 'WL014' THEN ROW(refusal.sqlstate, 'cancelled',
            format('Transaction %s was cancelled while it was pending.', v_id),
            'Ask for the transfer again, if it is still wanted.')::wallet.refusal
        WHEN 'WL015' THEN ROW(refusal.sqlstate, 'not pending',
            format('Transaction %s has succeeded or failed already.', v_id),
            'Reverse it, if it succeeded and is to be taken back.')::wallet.refusal
        WHEN 'WL016' THEN ROW(refusal.sqlstate, 'hold not found',
            format('There is no hold %s.', v_id), 'Check the id.')::wallet.refusal
        WHEN 'WL017' THEN ROW(refusal.sqlstate, 'hold closed',
            format('Hold %s is %s.', v_id, refusal.state), 'Make a new hold.')::wallet.refusal
        WHEN 'WL018' THEN ROW(refusal.sqlstate, 'hold exceeded',
            format('Hold %s has %s left, which is less than %s.', v_id, refusal.balance, v_amount),
            'Capture no more than is left of it.')::wallet.refusal
        WHEN 'WL019' THEN ROW(refusal.sqlstate, 'limit in use',
            format('Account %s holds %s, of which %s is held: it is not within %s and %s.',
                   v_id, refusal.balance, refusal.held, v_amount, refusal.bound),
            'Give limits that the balance is within, or move money first.')::wallet.refusal
        WHEN 'WL020' THEN ROW(refusal.sqlstate, 'processing failed',
            format('Processing transaction %s raised an error several times.', v_id),
            'Ask for the transfer again once the cause is mended.')::wallet.refusal
    END;
END
$$;

COMMENT ON FUNCTION wallet.refusal(text, bigint, numeric, numeric, numeric, numeric, text) IS
    'Returns the words of a refusal: SQLSTATE, fixed message, the data as its detail, what to do. '
    'Refusals: none';

REVOKE ALL ON FUNCTION wallet.refusal(text, bigint, numeric, numeric, numeric, numeric, text)
    FROM PUBLIC;

COMMIT;
