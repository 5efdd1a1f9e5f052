-- Moves an amount from a source to a target, and returns the transaction or why it is refused.
--
-- `outside` says whether a NULL source or target stands for the world outside or for no account.
-- `actor` is who asked for it; NULL is session_user. `id` is the id that the transaction will have;
-- NULL draws a new one. `hold_id` is a hold of the source that the amount is taken of, and `freed`
-- how much of it is held no longer: if it is closed or less is left, nothing is done, and the
-- result is NULL. `reference` and `metadata` are the caller's own words for it.
-- If the clock was set back, the transaction is not dated before the accounts' last entries.
-- Refusals of the arguments (WL002, WL003) are raised, all others returned.
-- For the functions that move money, which are SECURITY DEFINER and pin the search_path; nobody
-- else may execute it. Many transfers at once take decide_batch() and write_batch() in its place,
-- with the same rules from check_request() and check_accounts().
--
-- Locks: the accounts' rows, the lower id first, then the hold's, until the caller's transaction
-- ends. Every lock in this schema is taken in that order, so no two calls can ever wait for each
-- other.
-- Refusals, the first that applies:
--   WL002 invalid_amount          NULL, NaN, Infinity, or not 0.01 to 999999.99 once rounded
--   WL003 same_account            source and target are one account
--   WL004 account_not_found       the source is looked at first, then the target
--   WL006 insufficient_funds      the source's balance would fall below its minimum
--   WL007 balance_limit_exceeded  the target's balance would pass its maximum
--   WL008 account_frozen          of two frozen accounts, the source is named
--
--   SELECT * FROM wallet.post(NULL, target_account_id => 1, amount => 5.00, outside => true);

BEGIN;

SET LOCAL ROLE wallet_owner;

CREATE OR REPLACE FUNCTION wallet.post(
    source_account_id bigint, target_account_id bigint, amount numeric, outside boolean,
    actor text DEFAULT NULL, id bigint DEFAULT NULL,
    hold_id bigint DEFAULT NULL, freed numeric DEFAULT NULL,
    reference text DEFAULT NULL, metadata jsonb DEFAULT NULL
)
RETURNS wallet.operation_result
LANGUAGE plpgsql
VOLATILE
AS $$
DECLARE
    v_amount numeric := wallet.round_amount(post.amount);
    v_source record;
    v_target record;
    v_refusal wallet.refusal := wallet.check_request(
        post.source_account_id, post.target_account_id, post.amount);
    v_transaction wallet.transaction;
BEGIN
    IF v_refusal.sqlstate IS NOT NULL THEN
        PERFORM wallet.raise_refusal(v_refusal);
    END IF;
    -- One row a statement, the lower id first. What is read here is locked, and therefore current.
    IF post.source_account_id < post.target_account_id THEN
        SELECT a.id, a.balance, a.held, a.minimum, a.entry_count, a.mtime, a.frozen INTO v_source
        FROM wallet.account a WHERE a.id = post.source_account_id FOR NO KEY UPDATE;
        SELECT a.id, a.balance, a.maximum, a.entry_count, a.mtime, a.frozen INTO v_target
        FROM wallet.account a WHERE a.id = post.target_account_id FOR NO KEY UPDATE;
    ELSE
        SELECT a.id, a.balance, a.maximum, a.entry_count, a.mtime, a.frozen INTO v_target
        FROM wallet.account a WHERE a.id = post.target_account_id FOR NO KEY UPDATE;
        SELECT a.id, a.balance, a.held, a.minimum, a.entry_count, a.mtime, a.frozen INTO v_source
        FROM wallet.account a WHERE a.id = post.source_account_id FOR NO KEY UPDATE;
    END IF;

    -- What is taken of a hold is there, whatever else is held.
    v_refusal := wallet.check_accounts(
        v_amount, post.source_account_id, v_source.balance,
        CASE WHEN post.freed IS NULL THEN v_source.held ELSE 0 END,
        v_source.minimum, v_source.frozen, post.target_account_id,
        v_target.balance, v_target.maximum, v_target.frozen, post.outside);
    IF v_refusal.sqlstate IS NOT NULL THEN
        RETURN ROW(false, NULL, NULL, NULL, v_refusal, NULL)::wallet.operation_result;
    ELSIF post.freed IS NOT NULL THEN
        IF NOT wallet.take_hold(post.hold_id, v_amount, post.freed) THEN
            RETURN NULL;
        END IF;
    END IF;
    INSERT INTO wallet.transaction AS t
        (id, source_account_id, target_account_id, ctime, source_entry, target_entry, amount,
         source_balance, target_balance, actor)
    OVERRIDING SYSTEM VALUE VALUES
        (coalesce(post.id, nextval('wallet.transaction_id_seq')), v_source.id, v_target.id,
         greatest(clock_timestamp(), v_source.mtime, v_target.mtime), v_source.entry_count + 1,
         v_target.entry_count + 1, v_amount, v_source.balance - v_amount,
         v_target.balance + v_amount, coalesce(post.actor, session_user))
    RETURNING t.id, t.source_account_id, t.target_account_id, t.ctime, t.source_entry,
        t.target_entry, t.amount, t.source_balance, t.target_balance, t.actor INTO v_transaction;

    -- One statement, since each prepares the table's rules anew. Only a capture pays for `held`.
    IF post.freed IS NULL THEN
        UPDATE wallet.account a
        SET balance = CASE a.id WHEN v_source.id THEN v_transaction.source_balance
                                ELSE v_transaction.target_balance END,
            entry_count = a.entry_count + 1, mtime = v_transaction.ctime
        WHERE a.id IN (v_source.id, v_target.id);
    ELSE
        UPDATE wallet.account a
        SET balance = CASE a.id WHEN v_source.id THEN v_transaction.source_balance
                                ELSE v_transaction.target_balance END,
            entry_count = a.entry_count + 1, mtime = v_transaction.ctime,
            held = CASE a.id WHEN v_source.id THEN a.held - post.freed ELSE a.held END
        WHERE a.id IN (v_source.id, v_target.id);
    END IF;
    IF post.reference IS NOT NULL OR post.metadata IS NOT NULL THEN
        PERFORM wallet.annotate(
            ARRAY[v_transaction.id], ARRAY[post.reference], ARRAY[post.metadata]);
    END IF;
    RETURN ROW(false, NULL, v_transaction, NULL, NULL, NULL)::wallet.operation_result;
END
$$;

COMMENT ON FUNCTION wallet.post(
    bigint, bigint, numeric, boolean, text, bigint, bigint, numeric, text, jsonb
) IS
    'Moves an amount from a source to a target, and returns the transaction or why it is '
    'refused. Refusals: WL002 invalid_amount, WL003 same_account, WL004 account_not_found, '
    'WL006 insufficient_funds, WL007 balance_limit_exceeded, WL008 account_frozen';

REVOKE ALL ON FUNCTION wallet.post(
    bigint, bigint, numeric, boolean, text, bigint, bigint, numeric, text, jsonb
) FROM PUBLIC;

COMMIT;
