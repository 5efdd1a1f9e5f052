-- Deploy pgwallet:types to pg
-- requires: account
-- requires: transaction
-- requires: hold

BEGIN;

SET LOCAL ROLE wallet_owner;

CREATE TYPE wallet.refusal AS (
    sqlstate text,
    message text,
    detail text,
    hint text
);
COMMENT ON TYPE wallet.refusal IS
    'Why a call is refused: a SQLSTATE of class WL, fixed words, the data, and what to do';

CREATE TYPE wallet.transfer_request AS (
    source_account_id bigint,
    target_account_id bigint,
    amount numeric
);
COMMENT ON TYPE wallet.transfer_request IS
    'A transfer to make, where many are given: as text ''(1,2,5.00)''';

CREATE TYPE wallet.transfer_result AS (
    id bigint,
    source_account_id bigint,
    target_account_id bigint,
    amount numeric,
    ctime timestamptz,
    source_entry bigint,
    target_entry bigint,
    source_balance numeric,
    target_balance numeric,
    actor text,
    state text,
    sqlstate text,
    message text,
    detail text,
    hint text
);
COMMENT ON TYPE wallet.transfer_result IS
    'A transaction in its state: pending, succeeded or failed. ctime is when it came into that '
    'state. It has entries and balances when it succeeded; it has the refusal, as sqlstate, '
    'message, detail and hint, when it failed';

CREATE TYPE wallet.group_request AS (
    operation text,
    source_account_id bigint,
    target_account_id bigint,
    amount numeric,
    idempotency_key text,
    actor text,
    reference text,
    metadata jsonb
);
COMMENT ON TYPE wallet.group_request IS
    'A request for run_group(). operation is deposit, which has no source, withdraw, which has no '
    'target, or transfer. idempotency_key, reference and metadata may be NULL; so may actor, which '
    'is session_user then';

CREATE TYPE wallet.group_result AS (
    replayed boolean,
    transaction wallet.transaction,
    refusal wallet.refusal,
    locked_account_id bigint
);
COMMENT ON TYPE wallet.group_result IS
    'The result of a request of run_group(): the transaction or the refusal. It has neither when '
    'the request was left out, because somebody else holds the locked account or, without one, '
    'the key';

CREATE TYPE wallet.claim AS (
    state text,
    transaction_id bigint,
    locked_account_id bigint
);
COMMENT ON TYPE wallet.claim IS
    'Whether a request of run_group() is to run: run, replay, reused or locked';

CREATE TYPE wallet.operation_result AS (
    replayed boolean,
    account wallet.account,
    transaction wallet.transaction,
    results wallet.transfer_result[],
    refusal wallet.refusal,
    hold wallet.hold
);
COMMENT ON TYPE wallet.operation_result IS
    'The result of an operation''s full form: the account, transaction or hold that it made, the '
    'results of a batch or of a queued transfer, or the refusal. replayed is true if all of it '
    'happened when the idempotency key was first used';

CREATE TYPE wallet.statement_line AS (
    entry bigint,
    transaction_id bigint,
    kind text,
    counterparty_account_id bigint,
    amount numeric,
    balance numeric,
    ctime timestamptz
);
COMMENT ON TYPE wallet.statement_line IS
    'An entry of an account as its owner sees it. kind is deposit, withdrawal, transfer_in, '
    'transfer_out or reversal; amount has a sign; balance is the one after it';

CREATE TYPE wallet.transaction_detail AS (
    id bigint,
    source_account_id bigint,
    target_account_id bigint,
    amount numeric,
    ctime timestamptz,
    actor text,
    state text,
    reverses bigint,
    reversed_by bigint,
    queued_at timestamptz,
    sqlstate text,
    detail text,
    reference text,
    metadata jsonb
);
COMMENT ON TYPE wallet.transaction_detail IS
    'A transaction in its state, what it reverses and what reversed it, when it was queued, why it '
    'failed, and what its caller said of it';

CREATE TYPE wallet.violation AS (
    violation text,
    account_id bigint,
    transaction_id bigint,
    detail text
);
COMMENT ON TYPE wallet.violation IS
    'What an audit finds: the kind of damage, the account or transaction it is in, and the data';

COMMIT;
