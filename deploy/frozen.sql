-- Deploy pgwallet:frozen to pg
-- requires: account

BEGIN;

SET LOCAL ROLE wallet_owner;

ALTER TABLE wallet.account ADD COLUMN frozen boolean NOT NULL DEFAULT false;

COMMENT ON COLUMN wallet.account.frozen IS
    'Whether it takes no part in new transactions; its balance stays and can be read';

COMMIT;
