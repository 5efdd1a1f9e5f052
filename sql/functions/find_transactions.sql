-- Returns a page of transactions, the newest first: those of a reference, an account, or all.
--
-- NULL leaves a condition out. The period begins at from_time and ends before to_time; it needs a
-- reference or an account, since no index has times. With a reference it finds transactions in any
-- state, without one those that succeeded. The order is that of ids; for an account without a
-- reference it is that of its entries. For the next page, pass the last id of this page as
-- `before`. A list is not a feed: what commits late appears in its place.
--
-- Locks: nothing.
-- Refusals, the first that applies:
--   22023 invalid_parameter_value  page_size is not 1 to 1000, or a period stands alone
--   WL004 account_not_found
--   WL005 transaction_not_found   the account has no entry for the transaction `before`
--
--   SELECT t.id, t.amount, t.reference FROM wallet.find_transactions(account_id => 1) t;

BEGIN;

SET LOCAL ROLE wallet_owner;

CREATE OR REPLACE FUNCTION wallet.find_transactions(
    reference text DEFAULT NULL, account_id bigint DEFAULT NULL,
    from_time timestamptz DEFAULT NULL, to_time timestamptz DEFAULT NULL,
    before bigint DEFAULT NULL, page_size int DEFAULT 50
)
RETURNS SETOF wallet.transaction_detail
LANGUAGE plpgsql
STABLE
SECURITY DEFINER
SET search_path = wallet, pg_temp
AS $$
DECLARE
    v_before bigint := coalesce(find_transactions.before, 9223372036854775807);
    v_from timestamptz := coalesce(find_transactions.from_time, '-infinity');
    v_to timestamptz := coalesce(find_transactions.to_time, 'infinity');
    v_account wallet.account;
    v_first bigint;
    v_last bigint;
    v_entry bigint;
    v_id bigint;
    v_found wallet.transfer_result;
    v_ids bigint[] := ARRAY[]::bigint[];
BEGIN
    PERFORM wallet.check_page_size(find_transactions.page_size);
    IF num_nonnulls(find_transactions.reference, find_transactions.account_id) = 0
        AND num_nonnulls(find_transactions.from_time, find_transactions.to_time) > 0 THEN
        RAISE EXCEPTION USING ERRCODE = 'invalid_parameter_value', MESSAGE = 'invalid period',
            DETAIL = 'A period alone would take the whole ledger to find.',
            HINT = 'Give a reference or an account_id too, or no period.';
    ELSIF find_transactions.account_id IS NOT NULL THEN
        v_account := wallet.get_account(find_transactions.account_id);
    END IF;

    IF find_transactions.reference IS NOT NULL THEN
        -- One after another, so that what is beyond the page is not read.
        FOR v_id IN
            SELECT n.transaction_id FROM wallet.transaction_annotation n
            WHERE n.reference = find_transactions.reference AND n.transaction_id < v_before
            ORDER BY n.transaction_id DESC
        LOOP
            v_found := wallet.get_transfer_result(v_id);
            IF v_found.ctime >= v_from AND v_found.ctime < v_to
                AND (v_account.id IS NULL
                     OR v_account.id IN (v_found.source_account_id, v_found.target_account_id)) THEN
                v_ids := v_ids || v_id;
                EXIT WHEN cardinality(v_ids) = find_transactions.page_size;
            END IF;
        END LOOP;
    ELSIF find_transactions.account_id IS NOT NULL THEN
        v_first := CASE WHEN find_transactions.from_time IS NULL THEN 0
                        ELSE wallet.entry_at(v_account.id, v_from - interval '1 microsecond') END;
        v_last := CASE WHEN find_transactions.to_time IS NULL THEN v_account.entry_count::bigint
                       ELSE wallet.entry_at(v_account.id, v_to - interval '1 microsecond') END;
        IF find_transactions.before IS NOT NULL THEN
            v_entry := (
                SELECT CASE v_account.id WHEN t.source_account_id THEN t.source_entry::bigint
                            WHEN t.target_account_id THEN t.target_entry END
                FROM wallet.transaction t WHERE t.id = v_before);
            IF v_entry IS NULL THEN
                PERFORM wallet.raise_refusal(wallet.refusal('WL005', v_before));
            END IF;
            v_last := least(v_last, v_entry - 1);
        END IF;
        v_ids := ARRAY(
            SELECT e.transaction_id FROM wallet.entry e
            WHERE e.account_id = v_account.id AND e.entry <= v_last
              AND e.entry > greatest(v_first, v_last - find_transactions.page_size)
            ORDER BY e.entry DESC);
    ELSE
        v_ids := ARRAY(SELECT t.id FROM wallet.transaction t WHERE t.id < v_before
                       ORDER BY t.id DESC LIMIT find_transactions.page_size);
    END IF;

    RETURN QUERY
    SELECT d.id, d.source_account_id, d.target_account_id, d.amount, d.ctime, d.actor, d.state,
           d.reverses, d.reversed_by, d.queued_at, d.sqlstate, d.detail, d.reference, d.metadata
    FROM unnest(v_ids) WITH ORDINALITY AS i (id, place)
    CROSS JOIN LATERAL wallet.describe_transaction(i.id) d
    ORDER BY i.place;
END
$$;

COMMENT ON FUNCTION wallet.find_transactions(
    text, bigint, timestamptz, timestamptz, bigint, int
) IS
    'Returns a page of transactions, the newest first: those of a reference, an account, or all. '
    'Refusals: 22023 for a bad page size or period, WL004 account_not_found, '
    'WL005 transaction_not_found';

REVOKE ALL ON FUNCTION wallet.find_transactions(
    text, bigint, timestamptz, timestamptz, bigint, int
) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION wallet.find_transactions(
    text, bigint, timestamptz, timestamptz, bigint, int
) TO wallet_app, wallet_reader;

COMMIT;
