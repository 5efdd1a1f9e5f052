-- Revert pgwallet:answer_outcomes from pg

BEGIN;

ALTER TYPE wallet.answer DROP ATTRIBUTE outcomes;

COMMENT ON TYPE wallet.answer IS
    'What a request with an idempotency key came to: the account or transaction that it made, or '
    'the refusal; replayed is true if that happened when the key was first used';

COMMIT;
