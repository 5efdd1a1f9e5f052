-- Deploy pgwallet:account_email to pg
-- requires: account

BEGIN;

SET LOCAL ROLE wallet_owner;

-- An email never changes, so balance updates stay HOT.
CREATE INDEX account_email ON wallet.account (lower(email));

COMMIT;
