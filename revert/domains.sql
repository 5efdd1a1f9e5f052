-- Revert pgwallet:domains from pg

BEGIN;

DROP DOMAIN wallet.amount, wallet.balance, wallet.held, wallet.hold_state, wallet.entry_number, wallet.entry_count,
    wallet.email, wallet.idempotency_key_text, wallet.actor, wallet.reference, wallet.metadata;

COMMIT;
