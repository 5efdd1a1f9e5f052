-- Deploy pgwallet:account to pg
-- requires: schema

BEGIN;

SET LOCAL ROLE wallet_owner;

-- Every transaction updates two accounts, and no index is on a column that changes: with room left
-- on the page, the new row version stays beside the old one and no index is touched (HOT).
CREATE TABLE wallet.account (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    email text NOT NULL,
    balance numeric(8, 2) NOT NULL DEFAULT 0.00,
    ctime timestamptz NOT NULL DEFAULT clock_timestamp(),
    mtime timestamptz NOT NULL DEFAULT clock_timestamp(),
    entry_count bigint NOT NULL DEFAULT 0,
    CONSTRAINT account_email_length CHECK (char_length(email) BETWEEN 3 AND 254),
    -- BETWEEN refuses NaN, which sorts above every number.
    CONSTRAINT account_balance_range CHECK (balance BETWEEN 0.00 AND 999999.99),
    CONSTRAINT account_entry_count_range CHECK (entry_count >= 0)
) WITH (fillfactor = 80);

COMMENT ON TABLE wallet.account IS 'A wallet. Written by the functions in this schema alone';
COMMENT ON COLUMN wallet.account.id IS 'From 1; never reused';
COMMENT ON COLUMN wallet.account.email IS
    'local@domain, at most 254 characters, as given; not unique';
COMMENT ON COLUMN wallet.account.balance IS '0.00 to 999999.99: what the entries add up to';
COMMENT ON COLUMN wallet.account.ctime IS 'When the account was opened';
COMMENT ON COLUMN wallet.account.mtime IS
    'ctime of the last entry, or of the account while it has none. '
    'No later entry is dated before it, even if the clock is set back';
COMMENT ON COLUMN wallet.account.entry_count IS
    'Number of the last entry; entries count 1, 2, 3 …';

COMMIT;
