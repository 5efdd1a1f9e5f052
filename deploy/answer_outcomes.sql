-- Deploy pgwallet:answer_outcomes to pg
-- requires: answer
-- requires: outcome

BEGIN;

SET LOCAL ROLE wallet_owner;

ALTER TYPE wallet.answer ADD ATTRIBUTE outcomes wallet.outcome[];

COMMENT ON TYPE wallet.answer IS
    'What a request with an idempotency key came to: the account or transaction that it made, '
    'what became of each transfer of a batch or of the one that was queued, or the refusal; '
    'replayed is true if that happened when the key was first used';

COMMIT;
