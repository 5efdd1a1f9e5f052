-- Deploy pgwallet:account to pg
-- requires: functions/refuse_change
-- requires: functions/is_within_limits

BEGIN;

SET LOCAL ROLE wallet_owner;

-- Every transaction updates two accounts, and no index is on a column that changes: with room left
-- on the page, the new row version stays beside the old one and no index is touched (HOT).
CREATE TABLE wallet.account (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    email wallet.email NOT NULL,
    balance wallet.balance NOT NULL DEFAULT 0.00,
    ctime timestamptz NOT NULL DEFAULT clock_timestamp(),
    mtime timestamptz NOT NULL DEFAULT clock_timestamp(),
    entry_count wallet.entry_count NOT NULL DEFAULT 0,
    frozen boolean NOT NULL DEFAULT false,
    held wallet.held NOT NULL DEFAULT 0.00,
    minimum wallet.balance NOT NULL DEFAULT 0.00,
    maximum wallet.balance NOT NULL DEFAULT wallet.max_amount(),
    CONSTRAINT account_within_limits CHECK (
        wallet.is_within_limits(balance, held, minimum, maximum)
    )
) WITH (fillfactor = 80);

CREATE INDEX account_email ON wallet.account (lower(email), id);

-- Transactions have no foreign keys: whoever writes one has just locked its accounts. An account,
-- once there, stays. ALWAYS: also in a session that plays the part of a replica.
CREATE TRIGGER account_history BEFORE DELETE OR TRUNCATE ON wallet.account
    FOR EACH STATEMENT EXECUTE FUNCTION wallet.refuse_change();
ALTER TABLE wallet.account ENABLE ALWAYS TRIGGER account_history;

COMMENT ON TABLE wallet.account IS
    'A wallet. Written by the functions in this schema alone; never deleted';
COMMENT ON COLUMN wallet.account.id IS 'From 1; never reused';
COMMENT ON COLUMN wallet.account.email IS 'local@domain, as given; not unique';
COMMENT ON COLUMN wallet.account.balance IS 'The sum of the entries';
COMMENT ON COLUMN wallet.account.ctime IS 'When the account was opened';
COMMENT ON COLUMN wallet.account.mtime IS
    'ctime of the last entry, or of the account while it has none. '
    'No later entry is dated before it, even if the clock is set back';
COMMENT ON COLUMN wallet.account.entry_count IS
    'Number of the last entry; entries count 1, 2, 3 …';
COMMENT ON COLUMN wallet.account.frozen IS
    'Whether it takes no part in new transactions; its balance stays and can be read';
COMMENT ON COLUMN wallet.account.held IS 'The part of the balance that open holds reserve';
COMMENT ON COLUMN wallet.account.minimum IS
    'What the balance may not fall below, the held part left out; negative is a credit line';
COMMENT ON COLUMN wallet.account.maximum IS 'What the balance may not pass';

GRANT SELECT ON wallet.account TO wallet_reader;

COMMIT;
