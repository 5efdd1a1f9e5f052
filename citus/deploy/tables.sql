-- Deploy pgwallet_citus:tables to pg
-- requires: pgwallet:help

BEGIN;

-- Triggers of a statement: each shard has them too, and refuses what the table refuses.
SET LOCAL citus.enable_unsafe_triggers = on;

-- By id: a transfer locks one row on each of two shards. A row's lock also tells what the next
-- entry's number is, so that the account's shard needs nothing else of the ledger.
SELECT create_distributed_table('wallet.account', 'id', colocate_with => 'none');
-- Beside its account: audits join the two.
ALTER TABLE wallet.limit_change DROP CONSTRAINT limit_change_pkey, ADD PRIMARY KEY (account_id, id);
SELECT create_distributed_table('wallet.limit_change', 'account_id',
                                colocate_with => 'wallet.account');

SELECT create_distributed_table('wallet.account_annotation', 'account_id',
                                colocate_with => 'wallet.account');

-- By id: a transaction has two accounts, and can lie beside one of them at most. A unique index
-- must contain the id. The account's lock gives an entry's number out once, and audit() would find
-- a second one.
ALTER TABLE wallet.reversal
    DROP CONSTRAINT reversal_transaction_id_fkey, DROP CONSTRAINT reversal_reverses_fkey;
DROP INDEX wallet.transaction_source_entry, wallet.transaction_target_entry;
CREATE INDEX transaction_source_entry
    ON wallet.transaction (source_account_id, source_entry) WHERE source_account_id IS NOT NULL;
CREATE INDEX transaction_target_entry
    ON wallet.transaction (target_account_id, target_entry) WHERE target_account_id IS NOT NULL;
SELECT create_distributed_table('wallet.transaction', 'id', colocate_with => 'none');
-- Beside the transaction that each becomes: it goes from one to the other in one commit of a node.
SELECT create_distributed_table('wallet.pending_transfer', 'id',
                                colocate_with => 'wallet.transaction');
SELECT create_distributed_table('wallet.failed_transfer', 'id',
                                colocate_with => 'wallet.transaction');
SELECT create_distributed_table('wallet.queued_transfer', 'id',
                                colocate_with => 'wallet.transaction');
SELECT create_distributed_table('wallet.transaction_annotation', 'transaction_id',
                                colocate_with => 'wallet.transaction');

-- On every node: reversals are few, and statements join them with transactions. reverse() reads the
-- coordinator's copy, which shows a reversal before the workers let go of its accounts.
SELECT create_reference_table('wallet.reversal');

-- By id, since capture() and release() name it. They lock its row when they have the account's.
SELECT create_distributed_table('wallet.hold', 'id', colocate_with => 'none');
SELECT create_distributed_table('wallet.hold_capture', 'hold_id', colocate_with => 'wallet.hold');

-- On the coordinator alone: event_log, api_key and queue_lock, which are small and joined with
-- nothing.

COMMIT;
