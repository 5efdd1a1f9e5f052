-- Moves an amount from a source to a target and returns the transaction: the one place where money
-- moves.
--
-- A NULL source or target stands for the world outside; not both. The amount is what
-- wallet.valid_amount() returned, the accounts are two. For the functions that move money, which
-- are SECURITY DEFINER and pin the search_path; nobody else may execute it.
--
-- Locks: the accounts' rows, the lower id first, until the caller's transaction ends. Every lock in
-- this schema is taken in that order, so no two calls can ever wait for each other.
-- Refusals, the first that applies:
--   WL004 account_not_found       the source is looked at first, then the target
--   WL006 insufficient_funds      the source's balance would fall below 0.00
--   WL007 balance_limit_exceeded  the target's balance would pass 999999.99
--   WL008 account_frozen          of two frozen accounts, the source is named
--
--   SELECT * FROM wallet.post(source_account_id => NULL, target_account_id => 1, amount => 5.00);

BEGIN;

SET LOCAL ROLE wallet_owner;

CREATE OR REPLACE FUNCTION wallet.post(
    source_account_id bigint, target_account_id bigint, amount numeric
)
RETURNS wallet.transaction
LANGUAGE plpgsql
VOLATILE
AS $$
DECLARE
    v_source record;
    v_target record;
    v_refusal wallet.refusal;
    v_transaction wallet.transaction;
BEGIN
    -- One row a statement, the lower id first. What is read here is locked, and therefore current.
    IF post.source_account_id < post.target_account_id THEN
        SELECT a.id, a.balance, a.entry_count, a.mtime, a.frozen INTO v_source
        FROM wallet.account a WHERE a.id = post.source_account_id FOR NO KEY UPDATE;
        SELECT a.id, a.balance, a.entry_count, a.mtime, a.frozen INTO v_target
        FROM wallet.account a WHERE a.id = post.target_account_id FOR NO KEY UPDATE;
    ELSE
        SELECT a.id, a.balance, a.entry_count, a.mtime, a.frozen INTO v_target
        FROM wallet.account a WHERE a.id = post.target_account_id FOR NO KEY UPDATE;
        SELECT a.id, a.balance, a.entry_count, a.mtime, a.frozen INTO v_source
        FROM wallet.account a WHERE a.id = post.source_account_id FOR NO KEY UPDATE;
    END IF;

    IF v_source.id IS DISTINCT FROM post.source_account_id THEN
        v_refusal := wallet.refusal('WL004', post.source_account_id);
    ELSIF v_target.id IS DISTINCT FROM post.target_account_id
        OR coalesce(v_source.id, v_target.id) IS NULL THEN
        v_refusal := wallet.refusal('WL004', post.target_account_id);
    ELSIF v_source.balance < post.amount THEN
        v_refusal := wallet.refusal('WL006', v_source.id, v_source.balance, post.amount);
    ELSIF v_target.balance + post.amount > 999999.99 THEN
        v_refusal := wallet.refusal('WL007', v_target.id, v_target.balance, post.amount);
    ELSIF v_source.frozen THEN
        v_refusal := wallet.refusal('WL008', v_source.id);
    ELSIF v_target.frozen THEN
        v_refusal := wallet.refusal('WL008', v_target.id);
    END IF;
    IF v_refusal.sqlstate IS NOT NULL THEN
        RAISE EXCEPTION USING ERRCODE = v_refusal.sqlstate, MESSAGE = v_refusal.message,
            DETAIL = v_refusal.detail, HINT = v_refusal.hint;
    END IF;

    -- A clock that was set back must not date the entry before the accounts' last ones.
    INSERT INTO wallet.transaction AS t
        (source_account_id, target_account_id, amount, ctime,
         source_entry, target_entry, source_balance, target_balance)
    VALUES
        (v_source.id, v_target.id, post.amount,
         greatest(clock_timestamp(), v_source.mtime, v_target.mtime),
         v_source.entry_count + 1, v_target.entry_count + 1,
         v_source.balance - post.amount, v_target.balance + post.amount)
    RETURNING t.id, t.source_account_id, t.target_account_id, t.amount, t.ctime,
              t.source_entry, t.target_entry, t.source_balance, t.target_balance
    INTO v_transaction;

    -- One statement for both: PostgreSQL reads a table's CHECKs anew for each statement.
    UPDATE wallet.account a
    SET balance = CASE a.id WHEN v_source.id THEN v_transaction.source_balance
                            ELSE v_transaction.target_balance END,
        entry_count = a.entry_count + 1, mtime = v_transaction.ctime
    WHERE a.id IN (v_source.id, v_target.id);

    RETURN v_transaction;
END
$$;

COMMENT ON FUNCTION wallet.post(bigint, bigint, numeric) IS
    'Moves an amount from a source to a target and returns the transaction: the one place where '
    'money moves. Refusals: WL004 account_not_found, WL006 insufficient_funds, '
    'WL007 balance_limit_exceeded, WL008 account_frozen';

REVOKE ALL ON FUNCTION wallet.post(bigint, bigint, numeric) FROM PUBLIC;

COMMIT;
