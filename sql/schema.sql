-- Written by `make docs` from what Sqitch deploys. Not to be edited.
-- The roles that it names are made by deploy/roles.sql.

-- A body may call a function that comes further down.
SET check_function_bodies = false;

-- Schema wallet

CREATE SCHEMA wallet;

ALTER SCHEMA wallet OWNER TO wallet_owner;

COMMENT ON SCHEMA wallet IS 'Accounts, the transactions between them, and the functions that move money';

GRANT USAGE ON SCHEMA wallet TO wallet_app;
GRANT USAGE ON SCHEMA wallet TO wallet_reader;

ALTER DEFAULT PRIVILEGES FOR ROLE wallet_owner REVOKE ALL ON FUNCTIONS FROM PUBLIC;

-- Function wallet.max_amount

CREATE FUNCTION wallet.max_amount() RETURNS numeric
    LANGUAGE sql IMMUTABLE
    AS $$
SELECT 999999.99
$$;

ALTER FUNCTION wallet.max_amount() OWNER TO wallet_owner;

COMMENT ON FUNCTION wallet.max_amount() IS 'Returns the largest amount, which is also the largest balance: 999999.99. Refusals: none';

REVOKE ALL ON FUNCTION wallet.max_amount() FROM PUBLIC;
GRANT ALL ON FUNCTION wallet.max_amount() TO wallet_app;
GRANT ALL ON FUNCTION wallet.max_amount() TO wallet_reader;

-- Domain wallet.actor

CREATE DOMAIN wallet.actor AS text
	CONSTRAINT actor_printable CHECK ((((char_length(VALUE) >= 1) AND (char_length(VALUE) <= 63)) AND (VALUE !~ '[\u0001-\u001f\u007f-\u009f\u2028\u2029]'::text)));

ALTER DOMAIN wallet.actor OWNER TO wallet_owner;

COMMENT ON DOMAIN wallet.actor IS 'Who asked for something: an API key''s name, or a role; 1 to 63 printable characters';

-- Domain wallet.amount

CREATE DOMAIN wallet.amount AS numeric(8,2)
	CONSTRAINT amount_range CHECK (((VALUE >= 0.01) AND (VALUE <= wallet.max_amount())));

ALTER DOMAIN wallet.amount OWNER TO wallet_owner;

COMMENT ON DOMAIN wallet.amount IS 'Money that moves: 0.01 to max_amount()';

-- Domain wallet.balance

CREATE DOMAIN wallet.balance AS numeric(8,2)
	CONSTRAINT balance_range CHECK (((VALUE >= (- wallet.max_amount())) AND (VALUE <= wallet.max_amount())));

ALTER DOMAIN wallet.balance OWNER TO wallet_owner;

COMMENT ON DOMAIN wallet.balance IS 'What an account holds, or may hold: -max_amount() to max_amount()';

-- Type wallet.claim

CREATE TYPE wallet.claim AS (
	state text,
	transaction_id bigint,
	locked_account_id bigint
);

ALTER TYPE wallet.claim OWNER TO wallet_owner;

COMMENT ON TYPE wallet.claim IS 'Whether a request of run_group() is to run: run, replay, reused or locked';

-- Domain wallet.email

CREATE DOMAIN wallet.email AS text
	CONSTRAINT email_length CHECK (((char_length(VALUE) >= 3) AND (char_length(VALUE) <= 254)));

ALTER DOMAIN wallet.email OWNER TO wallet_owner;

COMMENT ON DOMAIN wallet.email IS 'local@domain, 3 to 254 characters, as given';

-- Domain wallet.entry_count

CREATE DOMAIN wallet.entry_count AS bigint
	CONSTRAINT entry_count_range CHECK ((VALUE >= 0));

ALTER DOMAIN wallet.entry_count OWNER TO wallet_owner;

COMMENT ON DOMAIN wallet.entry_count IS 'Number of the last entry; 0 before the first';

-- Domain wallet.entry_number

CREATE DOMAIN wallet.entry_number AS bigint
	CONSTRAINT entry_number_range CHECK ((VALUE >= 1));

ALTER DOMAIN wallet.entry_number OWNER TO wallet_owner;

COMMENT ON DOMAIN wallet.entry_number IS 'Number of an entry along its account: 1, 2, 3 …';

-- Type wallet.group_request

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

ALTER TYPE wallet.group_request OWNER TO wallet_owner;

COMMENT ON TYPE wallet.group_request IS 'A request for run_group(). operation is deposit, which has no source, withdraw, which has no target, or transfer. idempotency_key, reference and metadata may be NULL; so may actor, which is session_user then';

-- Type wallet.refusal

CREATE TYPE wallet.refusal AS (
	sqlstate text,
	message text,
	detail text,
	hint text
);

ALTER TYPE wallet.refusal OWNER TO wallet_owner;

COMMENT ON TYPE wallet.refusal IS 'Why a call is refused: a SQLSTATE of class WL, fixed words, the data, and what to do';

-- Function wallet.is_complete

CREATE FUNCTION wallet.is_complete(source_account_id bigint, source_entry wallet.entry_number, source_balance wallet.balance, target_account_id bigint, target_entry wallet.entry_number, target_balance wallet.balance) RETURNS boolean
    LANGUAGE plpgsql IMMUTABLE
    AS $$
BEGIN
    RETURN num_nulls(source_account_id, source_entry, source_balance) IN (0, 3)
        AND num_nulls(target_account_id, target_entry, target_balance) IN (0, 3)
        AND num_nulls(source_account_id, target_account_id) < 2
        AND source_account_id IS DISTINCT FROM target_account_id;
END
$$;

ALTER FUNCTION wallet.is_complete(source_account_id bigint, source_entry wallet.entry_number, source_balance wallet.balance, target_account_id bigint, target_entry wallet.entry_number, target_balance wallet.balance) OWNER TO wallet_owner;

COMMENT ON FUNCTION wallet.is_complete(source_account_id bigint, source_entry wallet.entry_number, source_balance wallet.balance, target_account_id bigint, target_entry wallet.entry_number, target_balance wallet.balance) IS 'Returns whether a transaction''s sides go together: the rule of the table transaction. Refusals: none';

REVOKE ALL ON FUNCTION wallet.is_complete(source_account_id bigint, source_entry wallet.entry_number, source_balance wallet.balance, target_account_id bigint, target_entry wallet.entry_number, target_balance wallet.balance) FROM PUBLIC;

-- Table wallet.transaction

CREATE TABLE wallet.transaction (
    id bigint NOT NULL,
    source_account_id bigint,
    target_account_id bigint,
    ctime timestamp with time zone NOT NULL,
    source_entry wallet.entry_number,
    target_entry wallet.entry_number,
    amount wallet.amount NOT NULL,
    source_balance wallet.balance,
    target_balance wallet.balance,
    actor wallet.actor DEFAULT SESSION_USER NOT NULL,
    CONSTRAINT transaction_complete CHECK (wallet.is_complete(source_account_id, source_entry, source_balance, target_account_id, target_entry, target_balance))
);

ALTER TABLE wallet.transaction OWNER TO wallet_owner;

COMMENT ON TABLE wallet.transaction IS 'Money that moved. A row, once there, is never changed or deleted';
COMMENT ON COLUMN wallet.transaction.id IS 'From 1; the order of ids is not the order of commits';
COMMENT ON COLUMN wallet.transaction.source_account_id IS 'The account that paid; NULL for a deposit from outside';
COMMENT ON COLUMN wallet.transaction.target_account_id IS 'The account that was paid; NULL for a withdrawal to outside';
COMMENT ON COLUMN wallet.transaction.ctime IS 'Taken while both accounts were locked: it never runs backwards along an account''s entries';
COMMENT ON COLUMN wallet.transaction.source_entry IS 'Which entry of the source account this is: 1, 2, 3 … without a gap over both sides';
COMMENT ON COLUMN wallet.transaction.target_entry IS 'Which entry of the target account this is: 1, 2, 3 … without a gap over both sides';
COMMENT ON COLUMN wallet.transaction.amount IS '0.01 or more, in hundredths';
COMMENT ON COLUMN wallet.transaction.source_balance IS 'The source account''s balance after it';
COMMENT ON COLUMN wallet.transaction.target_balance IS 'The target account''s balance after it';
COMMENT ON COLUMN wallet.transaction.actor IS 'Who asked for it: the API key''s name, or the role that called';

ALTER TABLE wallet.transaction ALTER COLUMN id ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME wallet.transaction_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);

ALTER TABLE ONLY wallet.transaction
    ADD CONSTRAINT transaction_pkey PRIMARY KEY (id);

CREATE UNIQUE INDEX transaction_source_entry ON wallet.transaction USING btree (source_account_id, source_entry) WHERE (source_account_id IS NOT NULL);

CREATE UNIQUE INDEX transaction_target_entry ON wallet.transaction USING btree (target_account_id, target_entry) WHERE (target_account_id IS NOT NULL);

GRANT SELECT ON TABLE wallet.transaction TO wallet_reader;

-- Type wallet.group_result

CREATE TYPE wallet.group_result AS (
	replayed boolean,
	transaction wallet.transaction,
	refusal wallet.refusal,
	locked_account_id bigint
);

ALTER TYPE wallet.group_result OWNER TO wallet_owner;

COMMENT ON TYPE wallet.group_result IS 'The result of a request of run_group(): the transaction or the refusal. It has neither when the request was left out, because somebody else holds the locked account or, without one, the key';

-- Domain wallet.held

CREATE DOMAIN wallet.held AS numeric(9,2)
	CONSTRAINT held_range CHECK (((VALUE >= 0.00) AND (VALUE <= ((2)::numeric * wallet.max_amount()))));

ALTER DOMAIN wallet.held OWNER TO wallet_owner;

COMMENT ON DOMAIN wallet.held IS 'The part of a balance that holds reserve: 0.00 or more';

-- Domain wallet.hold_state

CREATE DOMAIN wallet.hold_state AS text
	CONSTRAINT hold_state_known CHECK ((VALUE = ANY (ARRAY['held'::text, 'captured'::text, 'released'::text, 'expired'::text])));

ALTER DOMAIN wallet.hold_state OWNER TO wallet_owner;

COMMENT ON DOMAIN wallet.hold_state IS 'held, captured, released or expired';

-- Domain wallet.idempotency_key_text

CREATE DOMAIN wallet.idempotency_key_text AS text
	CONSTRAINT idempotency_key_text_printable CHECK ((((char_length(VALUE) >= 1) AND (char_length(VALUE) <= 255)) AND (VALUE !~ '[^\u0020-\u007e]'::text)));

ALTER DOMAIN wallet.idempotency_key_text OWNER TO wallet_owner;

COMMENT ON DOMAIN wallet.idempotency_key_text IS '1 to 255 printable ASCII characters';

-- Domain wallet.metadata

CREATE DOMAIN wallet.metadata AS jsonb
	CONSTRAINT metadata_size CHECK (((jsonb_typeof(VALUE) = 'object'::text) AND (octet_length((VALUE)::text) <= 4096)));

ALTER DOMAIN wallet.metadata OWNER TO wallet_owner;

COMMENT ON DOMAIN wallet.metadata IS 'What the caller wants kept: a JSON object of at most 4096 bytes as PostgreSQL writes it';

-- Type wallet.transfer_result

CREATE TYPE wallet.transfer_result AS (
	id bigint,
	source_account_id bigint,
	target_account_id bigint,
	amount numeric,
	ctime timestamp with time zone,
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

ALTER TYPE wallet.transfer_result OWNER TO wallet_owner;

COMMENT ON TYPE wallet.transfer_result IS 'A transaction in its state: pending, succeeded or failed. ctime is when it came into that state. It has entries and balances when it succeeded; it has the refusal, as sqlstate, message, detail and hint, when it failed';

-- Function wallet.is_within_limits

CREATE FUNCTION wallet.is_within_limits(balance wallet.balance, held wallet.held, minimum wallet.balance, maximum wallet.balance) RETURNS boolean
    LANGUAGE plpgsql IMMUTABLE
    AS $$
BEGIN
    RETURN minimum <= balance - held AND balance <= maximum;
END
$$;

ALTER FUNCTION wallet.is_within_limits(balance wallet.balance, held wallet.held, minimum wallet.balance, maximum wallet.balance) OWNER TO wallet_owner;

COMMENT ON FUNCTION wallet.is_within_limits(balance wallet.balance, held wallet.held, minimum wallet.balance, maximum wallet.balance) IS 'Returns whether an account''s balance is within its limits: the rule of the table account. Refusals: none';

REVOKE ALL ON FUNCTION wallet.is_within_limits(balance wallet.balance, held wallet.held, minimum wallet.balance, maximum wallet.balance) FROM PUBLIC;

-- Table wallet.account

CREATE TABLE wallet.account (
    id bigint NOT NULL,
    email wallet.email NOT NULL,
    balance wallet.balance DEFAULT 0.00 NOT NULL,
    ctime timestamp with time zone DEFAULT clock_timestamp() NOT NULL,
    mtime timestamp with time zone DEFAULT clock_timestamp() NOT NULL,
    entry_count wallet.entry_count DEFAULT 0 NOT NULL,
    frozen boolean DEFAULT false NOT NULL,
    held wallet.held DEFAULT 0.00 NOT NULL,
    minimum wallet.balance DEFAULT 0.00 NOT NULL,
    maximum wallet.balance DEFAULT wallet.max_amount() NOT NULL,
    CONSTRAINT account_within_limits CHECK (wallet.is_within_limits(balance, held, minimum, maximum))
)
WITH (fillfactor='80');

ALTER TABLE wallet.account OWNER TO wallet_owner;

COMMENT ON TABLE wallet.account IS 'A wallet. Written by the functions in this schema alone; never deleted';
COMMENT ON COLUMN wallet.account.id IS 'From 1; never reused';
COMMENT ON COLUMN wallet.account.email IS 'local@domain, as given; not unique';
COMMENT ON COLUMN wallet.account.balance IS 'The sum of the entries';
COMMENT ON COLUMN wallet.account.ctime IS 'When the account was opened';
COMMENT ON COLUMN wallet.account.mtime IS 'ctime of the last entry, or of the account while it has none. No later entry is dated before it, even if the clock is set back';
COMMENT ON COLUMN wallet.account.entry_count IS 'Number of the last entry; entries count 1, 2, 3 …';
COMMENT ON COLUMN wallet.account.frozen IS 'Whether it takes no part in new transactions; its balance stays and can be read';
COMMENT ON COLUMN wallet.account.held IS 'The part of the balance that open holds reserve';
COMMENT ON COLUMN wallet.account.minimum IS 'What the balance may not fall below, the held part left out; negative is a credit line';
COMMENT ON COLUMN wallet.account.maximum IS 'What the balance may not pass';

ALTER TABLE wallet.account ALTER COLUMN id ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME wallet.account_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);

ALTER TABLE ONLY wallet.account
    ADD CONSTRAINT account_pkey PRIMARY KEY (id);

CREATE INDEX account_email ON wallet.account USING btree (lower((email)::text), id);

GRANT SELECT ON TABLE wallet.account TO wallet_reader;

-- Table wallet.hold

CREATE TABLE wallet.hold (
    id bigint NOT NULL,
    account_id bigint NOT NULL,
    amount wallet.amount NOT NULL,
    captured wallet.held DEFAULT 0.00 NOT NULL,
    state wallet.hold_state DEFAULT 'held'::text NOT NULL,
    expires_at timestamp with time zone NOT NULL,
    ctime timestamp with time zone NOT NULL,
    actor wallet.actor NOT NULL,
    CONSTRAINT hold_captured_of_amount CHECK (((captured)::numeric <= (amount)::numeric))
)
WITH (fillfactor='80');

ALTER TABLE wallet.hold OWNER TO wallet_owner;

COMMENT ON TABLE wallet.hold IS 'Money that is reserved. A row changes only while its account is locked; it is never deleted';
COMMENT ON COLUMN wallet.hold.id IS 'From 1; the order of ids is not the order of commits';
COMMENT ON COLUMN wallet.hold.account_id IS 'The account whose money is reserved';
COMMENT ON COLUMN wallet.hold.amount IS '0.01 or more, in hundredths';
COMMENT ON COLUMN wallet.hold.captured IS 'How much of it was taken; never more than the amount';
COMMENT ON COLUMN wallet.hold.state IS 'held, captured, released or expired. What is not held any more has no money of the account';
COMMENT ON COLUMN wallet.hold.expires_at IS 'When it is due. From then on it can be neither captured nor released, and the sweep ends it';
COMMENT ON COLUMN wallet.hold.ctime IS 'When it was made; taken while the account was locked';
COMMENT ON COLUMN wallet.hold.actor IS 'Who asked for it: the API key''s name, or the role that called';

ALTER TABLE wallet.hold ALTER COLUMN id ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME wallet.hold_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);

ALTER TABLE ONLY wallet.hold
    ADD CONSTRAINT hold_pkey PRIMARY KEY (id);

CREATE INDEX hold_account ON wallet.hold USING btree (account_id, id);

CREATE INDEX hold_due ON wallet.hold USING btree (expires_at) WHERE ((state)::text = 'held'::text);

GRANT SELECT ON TABLE wallet.hold TO wallet_reader;

-- Type wallet.operation_result

CREATE TYPE wallet.operation_result AS (
	replayed boolean,
	account wallet.account,
	transaction wallet.transaction,
	results wallet.transfer_result[],
	refusal wallet.refusal,
	hold wallet.hold
);

ALTER TYPE wallet.operation_result OWNER TO wallet_owner;

COMMENT ON TYPE wallet.operation_result IS 'The result of an operation''s full form: the account, transaction or hold that it made, the results of a batch or of a queued transfer, or the refusal. replayed is true if all of it happened when the idempotency key was first used';

-- Domain wallet.reference

CREATE DOMAIN wallet.reference AS text
	CONSTRAINT reference_printable CHECK ((((char_length(VALUE) >= 1) AND (char_length(VALUE) <= 255)) AND (VALUE !~ '[\u0001-\u001f\u007f-\u009f\u2028\u2029]'::text)));

ALTER DOMAIN wallet.reference OWNER TO wallet_owner;

COMMENT ON DOMAIN wallet.reference IS 'The caller''s own name for something; 1 to 255 printable characters, not unique';

-- Type wallet.statement_line

CREATE TYPE wallet.statement_line AS (
	entry bigint,
	transaction_id bigint,
	kind text,
	counterparty_account_id bigint,
	amount numeric,
	balance numeric,
	ctime timestamp with time zone
);

ALTER TYPE wallet.statement_line OWNER TO wallet_owner;

COMMENT ON TYPE wallet.statement_line IS 'An entry of an account as its owner sees it. kind is deposit, withdrawal, transfer_in, transfer_out or reversal; amount has a sign; balance is the one after it';

-- Type wallet.transaction_detail

CREATE TYPE wallet.transaction_detail AS (
	id bigint,
	source_account_id bigint,
	target_account_id bigint,
	amount numeric,
	ctime timestamp with time zone,
	actor text,
	state text,
	reverses bigint,
	reversed_by bigint,
	queued_at timestamp with time zone,
	sqlstate text,
	detail text,
	reference text,
	metadata jsonb
);

ALTER TYPE wallet.transaction_detail OWNER TO wallet_owner;

COMMENT ON TYPE wallet.transaction_detail IS 'A transaction in its state, what it reverses and what reversed it, when it was queued, why it failed, and what its caller said of it';

-- Type wallet.transfer_request

CREATE TYPE wallet.transfer_request AS (
	source_account_id bigint,
	target_account_id bigint,
	amount numeric
);

ALTER TYPE wallet.transfer_request OWNER TO wallet_owner;

COMMENT ON TYPE wallet.transfer_request IS 'A transfer to make, where many are given: as text ''(1,2,5.00)''';

-- Type wallet.violation

CREATE TYPE wallet.violation AS (
	violation text,
	account_id bigint,
	transaction_id bigint,
	detail text
);

ALTER TYPE wallet.violation OWNER TO wallet_owner;

COMMENT ON TYPE wallet.violation IS 'What an audit finds: the kind of damage, the account or transaction it is in, and the data';

-- Table wallet.account_annotation

CREATE TABLE wallet.account_annotation (
    account_id bigint NOT NULL,
    id bigint NOT NULL,
    reference wallet.reference,
    metadata wallet.metadata,
    ctime timestamp with time zone NOT NULL,
    actor wallet.actor NOT NULL
);

ALTER TABLE wallet.account_annotation OWNER TO wallet_owner;

COMMENT ON TABLE wallet.account_annotation IS 'What callers said of their accounts: an account''s last row is in force. A row, once there, is never changed or deleted';
COMMENT ON COLUMN wallet.account_annotation.account_id IS 'The account';
COMMENT ON COLUMN wallet.account_annotation.id IS 'From 1, in an account''s order: it is given while the account is locked';
COMMENT ON COLUMN wallet.account_annotation.reference IS 'The caller''s own name for it, such as a customer''s number; not unique';
COMMENT ON COLUMN wallet.account_annotation.metadata IS 'What the caller wants kept; never queried';
COMMENT ON COLUMN wallet.account_annotation.ctime IS 'When it was said';
COMMENT ON COLUMN wallet.account_annotation.actor IS 'Who said it: the API key''s name, or the role that called';

ALTER TABLE wallet.account_annotation ALTER COLUMN id ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME wallet.account_annotation_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);

ALTER TABLE ONLY wallet.account_annotation
    ADD CONSTRAINT account_annotation_pkey PRIMARY KEY (account_id, id);

CREATE INDEX account_annotation_reference ON wallet.account_annotation USING btree (reference, account_id) WHERE (reference IS NOT NULL);

GRANT SELECT ON TABLE wallet.account_annotation TO wallet_reader;

-- Table wallet.idempotency_key

CREATE TABLE wallet.idempotency_key (
    actor wallet.actor NOT NULL,
    key wallet.idempotency_key_text NOT NULL,
    request_hash bytea NOT NULL,
    ctime timestamp with time zone NOT NULL,
    transaction_id bigint,
    account_id bigint,
    transaction_ids bigint[],
    results wallet.transfer_result[],
    refusal wallet.refusal,
    hold wallet.hold
);

ALTER TABLE wallet.idempotency_key OWNER TO wallet_owner;

COMMENT ON TABLE wallet.idempotency_key IS 'What was asked for under a key, and its result. Kept until purge_idempotency_keys()';
COMMENT ON COLUMN wallet.idempotency_key.actor IS 'Whose key it is: the API key''s name, or the role that called';
COMMENT ON COLUMN wallet.idempotency_key.key IS 'The key, as the caller gave it';
COMMENT ON COLUMN wallet.idempotency_key.request_hash IS 'Of the operation and its arguments: the same key with another request is refused';
COMMENT ON COLUMN wallet.idempotency_key.ctime IS 'When the key was first used';
COMMENT ON COLUMN wallet.idempotency_key.transaction_id IS 'The transaction that the request made';
COMMENT ON COLUMN wallet.idempotency_key.account_id IS 'The account that the request opened';
COMMENT ON COLUMN wallet.idempotency_key.transaction_ids IS 'The transactions of a batch, in their order; NULL for an item that was refused';
COMMENT ON COLUMN wallet.idempotency_key.results IS 'The refused items of a batch, in their order; or the result of a transfer that may be queued';
COMMENT ON COLUMN wallet.idempotency_key.refusal IS 'Why the request was refused';
COMMENT ON COLUMN wallet.idempotency_key.hold IS 'The hold as the request left it';

ALTER TABLE ONLY wallet.idempotency_key
    ADD CONSTRAINT idempotency_key_pkey PRIMARY KEY (actor, key);

CREATE INDEX idempotency_key_ctime ON wallet.idempotency_key USING brin (ctime);

GRANT SELECT ON TABLE wallet.idempotency_key TO wallet_reader;

-- View wallet.account_overview

CREATE VIEW wallet.account_overview AS
 SELECT a.id,
    a.email,
    a.balance,
    a.held,
    (((a.balance)::numeric - (a.held)::numeric) - (a.minimum)::numeric) AS available,
    a.minimum,
    a.maximum,
    a.frozen,
    a.entry_count,
    a.ctime AS opened,
        CASE
            WHEN ((a.entry_count)::bigint > 0) THEN a.mtime
            ELSE NULL::timestamp with time zone
        END AS last_entry,
    n.reference,
    n.metadata
   FROM (wallet.account a
     LEFT JOIN LATERAL ( SELECT x.reference,
            x.metadata
           FROM wallet.account_annotation x
          WHERE (x.account_id = a.id)
          ORDER BY x.id DESC
         LIMIT 1) n ON (true));

ALTER VIEW wallet.account_overview OWNER TO wallet_owner;

COMMENT ON VIEW wallet.account_overview IS 'Each account: what it holds, how much of it is held and available, its limits, whether it is frozen, how many entries it has, since when, and its reference and metadata';
COMMENT ON COLUMN wallet.account_overview.id IS 'From 1';
COMMENT ON COLUMN wallet.account_overview.email IS 'Its owner''s address; others may have the same';
COMMENT ON COLUMN wallet.account_overview.balance IS 'What it holds, in units with two decimals, what is held included';
COMMENT ON COLUMN wallet.account_overview.held IS 'How much of the balance open holds reserve';
COMMENT ON COLUMN wallet.account_overview.available IS 'What it may pay or hold: balance - held - minimum';
COMMENT ON COLUMN wallet.account_overview.minimum IS 'The least balance; negative is a credit line';
COMMENT ON COLUMN wallet.account_overview.maximum IS 'The greatest balance';
COMMENT ON COLUMN wallet.account_overview.frozen IS 'Whether it takes no part in new transactions';
COMMENT ON COLUMN wallet.account_overview.entry_count IS 'How many entries its statement has';
COMMENT ON COLUMN wallet.account_overview.opened IS 'When it was opened';
COMMENT ON COLUMN wallet.account_overview.last_entry IS 'When its last entry was made; NULL if it has none';
COMMENT ON COLUMN wallet.account_overview.reference IS 'Its callers'' own name for it, if any';
COMMENT ON COLUMN wallet.account_overview.metadata IS 'What its callers want kept, if anything';

GRANT SELECT ON TABLE wallet.account_overview TO wallet_reader;

-- View wallet.account_wait

CREATE VIEW wallet.account_wait AS
 SELECT a.id AS account_id,
    l.pid,
    s.usename AS role,
    COALESCE((clock_timestamp() - ( SELECT min(w.waitstart) AS min
           FROM pg_locks w
          WHERE ((w.pid = l.pid) AND (NOT w.granted)))), '00:00:00'::interval) AS waiting,
    pg_blocking_pids(l.pid) AS blocked_by,
    "left"(s.query, 80) AS query
   FROM ((pg_locks l
     JOIN pg_stat_activity s ON ((s.pid = l.pid)))
     LEFT JOIN wallet.account a ON ((a.ctid = (format('(%s,%s)'::text, l.page, l.tuple))::tid)))
  WHERE ((l.locktype = 'tuple'::text) AND (l.relation = ('wallet.account'::regclass)::oid) AND (l.database = ( SELECT d.oid
           FROM pg_database d
          WHERE (d.datname = current_database()))))
  ORDER BY COALESCE((clock_timestamp() - ( SELECT min(w.waitstart) AS min
           FROM pg_locks w
          WHERE ((w.pid = l.pid) AND (NOT w.granted)))), '00:00:00'::interval) DESC;

ALTER VIEW wallet.account_wait OWNER TO wallet_owner;

COMMENT ON VIEW wallet.account_wait IS 'Accounts that calls wait for now, the longest wait first, and whom they wait for. Another role''s query shows to members of pg_read_all_stats';
COMMENT ON COLUMN wallet.account_wait.account_id IS 'The account that is locked; NULL if its row has just changed';
COMMENT ON COLUMN wallet.account_wait.pid IS 'The process id of the session that waits';
COMMENT ON COLUMN wallet.account_wait.role IS 'Its role';
COMMENT ON COLUMN wallet.account_wait.waiting IS 'For how long it has been waiting for this lock';
COMMENT ON COLUMN wallet.account_wait.blocked_by IS 'The process ids that it waits for: pg_terminate_backend() ends one';
COMMENT ON COLUMN wallet.account_wait.query IS 'The first 80 characters of what it runs';

GRANT SELECT ON TABLE wallet.account_wait TO wallet_reader;

-- Table wallet.api_key

CREATE TABLE wallet.api_key (
    id bigint NOT NULL,
    name text NOT NULL,
    hash bytea NOT NULL,
    ending text NOT NULL,
    scopes text[] NOT NULL,
    ctime timestamp with time zone DEFAULT clock_timestamp() NOT NULL,
    expires_at timestamp with time zone,
    revoked_at timestamp with time zone,
    last_used_on date,
    CONSTRAINT api_key_hash_sha256 CHECK ((octet_length(hash) = 32)),
    CONSTRAINT api_key_name_printable CHECK ((name ~ '^[\u0021-\u007e]{1,63}$'::text)),
    CONSTRAINT api_key_scopes_known CHECK (((scopes <> '{}'::text[]) AND (scopes <@ ARRAY['read'::text, 'write'::text, 'operate'::text])))
);

ALTER TABLE wallet.api_key OWNER TO wallet_owner;

COMMENT ON TABLE wallet.api_key IS 'The API keys of HTTP clients, as hashes: no key can be made from a row';
COMMENT ON COLUMN wallet.api_key.id IS 'From 1; never reused';
COMMENT ON COLUMN wallet.api_key.name IS 'Whose key it is: the actor of what it asks for. Several keys may have one name';
COMMENT ON COLUMN wallet.api_key.hash IS 'SHA-256 of the key';
COMMENT ON COLUMN wallet.api_key.ending IS 'The key''s last eight characters, a checksum: they tell which key somebody has found';
COMMENT ON COLUMN wallet.api_key.scopes IS 'What it may do: read, write (move money, open accounts) or operate; none implies another';
COMMENT ON COLUMN wallet.api_key.ctime IS 'When it was made';
COMMENT ON COLUMN wallet.api_key.expires_at IS 'From when on it is not valid; NULL if never';
COMMENT ON COLUMN wallet.api_key.revoked_at IS 'When it was revoked; NULL if it was not';
COMMENT ON COLUMN wallet.api_key.last_used_on IS 'The UTC day of its last use; NULL if never';

ALTER TABLE wallet.api_key ALTER COLUMN id ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME wallet.api_key_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);

ALTER TABLE ONLY wallet.api_key
    ADD CONSTRAINT api_key_hash_key UNIQUE (hash);

ALTER TABLE ONLY wallet.api_key
    ADD CONSTRAINT api_key_pkey PRIMARY KEY (id);

-- View wallet.api_key_overview

CREATE VIEW wallet.api_key_overview AS
 SELECT id,
    name,
    ending,
    scopes,
        CASE
            WHEN (revoked_at IS NOT NULL) THEN 'revoked'::text
            WHEN (expires_at <= clock_timestamp()) THEN 'expired'::text
            ELSE 'valid'::text
        END AS state,
    ctime,
    expires_at,
    revoked_at,
    last_used_on
   FROM wallet.api_key k
  ORDER BY id;

ALTER VIEW wallet.api_key_overview OWNER TO wallet_owner;

COMMENT ON VIEW wallet.api_key_overview IS 'API keys: whose they are, how they end, what they may do, whether they are valid';
COMMENT ON COLUMN wallet.api_key_overview.id IS 'The number for revoke_api_key()';
COMMENT ON COLUMN wallet.api_key_overview.name IS 'Whose key it is: the actor of all that is done with it';
COMMENT ON COLUMN wallet.api_key_overview.ending IS 'Its last eight characters';
COMMENT ON COLUMN wallet.api_key_overview.scopes IS 'What it may do: read, write, operate';
COMMENT ON COLUMN wallet.api_key_overview.state IS 'valid, expired or revoked';
COMMENT ON COLUMN wallet.api_key_overview.ctime IS 'When it was made';
COMMENT ON COLUMN wallet.api_key_overview.expires_at IS 'When it ends by itself; NULL if it does not';
COMMENT ON COLUMN wallet.api_key_overview.revoked_at IS 'When it was revoked; NULL if it was not';
COMMENT ON COLUMN wallet.api_key_overview.last_used_on IS 'The last day in UTC that it was used; NULL if it never was';

GRANT SELECT ON TABLE wallet.api_key_overview TO wallet_reader;

-- View wallet.daily_activity

CREATE VIEW wallet.daily_activity AS
 SELECT ((ctime AT TIME ZONE 'UTC'::text))::date AS day,
    count(*) AS transactions,
    count(*) FILTER (WHERE (source_account_id IS NULL)) AS deposits,
    count(*) FILTER (WHERE (target_account_id IS NULL)) AS withdrawals,
    COALESCE(sum((amount)::numeric) FILTER (WHERE (source_account_id IS NULL)), 0.00) AS paid_in,
    COALESCE(sum((amount)::numeric) FILTER (WHERE (target_account_id IS NULL)), 0.00) AS paid_out,
    COALESCE(sum((amount)::numeric) FILTER (WHERE ((source_account_id IS NOT NULL) AND (target_account_id IS NOT NULL))), 0.00) AS transferred
   FROM wallet.transaction t
  GROUP BY (((ctime AT TIME ZONE 'UTC'::text))::date)
  ORDER BY (((ctime AT TIME ZONE 'UTC'::text))::date) DESC;

ALTER VIEW wallet.daily_activity OWNER TO wallet_owner;

COMMENT ON VIEW wallet.daily_activity IS 'What happened on each UTC day, the newest first; reads the whole ledger';
COMMENT ON COLUMN wallet.daily_activity.day IS 'The day in UTC';
COMMENT ON COLUMN wallet.daily_activity.transactions IS 'How many there were';
COMMENT ON COLUMN wallet.daily_activity.deposits IS 'How many of them came from outside';
COMMENT ON COLUMN wallet.daily_activity.withdrawals IS 'How many of them went outside';
COMMENT ON COLUMN wallet.daily_activity.paid_in IS 'The sum of the deposits';
COMMENT ON COLUMN wallet.daily_activity.paid_out IS 'The sum of the withdrawals';
COMMENT ON COLUMN wallet.daily_activity.transferred IS 'The sum of what moved between accounts, reversals included';

GRANT SELECT ON TABLE wallet.daily_activity TO wallet_reader;

-- View wallet.entry

CREATE VIEW wallet.entry AS
 SELECT t.source_account_id AS account_id,
    (t.source_entry)::bigint AS entry,
    t.id AS transaction_id,
    t.target_account_id AS counterparty_account_id,
    (- (t.amount)::numeric) AS amount,
    (t.source_balance)::numeric AS balance,
    t.ctime
   FROM wallet.transaction t
  WHERE (t.source_account_id IS NOT NULL)
UNION ALL
 SELECT t.target_account_id AS account_id,
    (t.target_entry)::bigint AS entry,
    t.id AS transaction_id,
    t.source_account_id AS counterparty_account_id,
    (t.amount)::numeric AS amount,
    (t.target_balance)::numeric AS balance,
    t.ctime
   FROM wallet.transaction t
  WHERE (t.target_account_id IS NOT NULL);

ALTER VIEW wallet.entry OWNER TO wallet_owner;

COMMENT ON VIEW wallet.entry IS 'Each account''s side of each transaction: its number along the account, the amount with its sign, and the balance after it';
COMMENT ON COLUMN wallet.entry.account_id IS 'The account whose entry this is';
COMMENT ON COLUMN wallet.entry.entry IS '1, 2, 3 … without a gap along the account';
COMMENT ON COLUMN wallet.entry.transaction_id IS 'The transaction';
COMMENT ON COLUMN wallet.entry.counterparty_account_id IS 'The account at the other side; NULL for a deposit or a withdrawal';
COMMENT ON COLUMN wallet.entry.amount IS 'What came in, or with a minus what went out';
COMMENT ON COLUMN wallet.entry.balance IS 'The account''s balance after it';
COMMENT ON COLUMN wallet.entry.ctime IS 'When it was made';

GRANT SELECT ON TABLE wallet.entry TO wallet_reader;

-- Table wallet.event_log

CREATE TABLE wallet.event_log (
    id bigint NOT NULL,
    ctime timestamp with time zone DEFAULT clock_timestamp() NOT NULL,
    actor wallet.actor NOT NULL,
    event text NOT NULL,
    account_id bigint,
    transaction_id bigint,
    detail text
);

ALTER TABLE wallet.event_log OWNER TO wallet_owner;

COMMENT ON TABLE wallet.event_log IS 'What was done beside moving money, and who asked for it. A row, once there, is never changed or deleted';
COMMENT ON COLUMN wallet.event_log.id IS 'From 1; the order of ids is not the order of commits';
COMMENT ON COLUMN wallet.event_log.ctime IS 'When it was done';
COMMENT ON COLUMN wallet.event_log.actor IS 'Who asked for it: the API key''s name, or the role that called';
COMMENT ON COLUMN wallet.event_log.event IS 'The function that did it: freeze_account, …';
COMMENT ON COLUMN wallet.event_log.account_id IS 'The account that it was done to, if any';
COMMENT ON COLUMN wallet.event_log.transaction_id IS 'The transaction that it was done to, if any';
COMMENT ON COLUMN wallet.event_log.detail IS 'What else there is to say; never an email address';

ALTER TABLE wallet.event_log ALTER COLUMN id ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME wallet.event_log_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);

ALTER TABLE ONLY wallet.event_log
    ADD CONSTRAINT event_log_pkey PRIMARY KEY (id);

GRANT SELECT ON TABLE wallet.event_log TO wallet_reader;

-- Table wallet.failed_transfer

CREATE TABLE wallet.failed_transfer (
    id bigint NOT NULL,
    source_account_id bigint NOT NULL,
    target_account_id bigint NOT NULL,
    amount wallet.amount NOT NULL,
    ctime timestamp with time zone NOT NULL,
    sqlstate text NOT NULL,
    message text NOT NULL,
    detail text NOT NULL,
    hint text NOT NULL,
    actor wallet.actor DEFAULT SESSION_USER NOT NULL
);

ALTER TABLE wallet.failed_transfer OWNER TO wallet_owner;

COMMENT ON TABLE wallet.failed_transfer IS 'Queued transfers that failed. A row, once there, is never changed or deleted';
COMMENT ON COLUMN wallet.failed_transfer.id IS 'The id that it had while it was pending';
COMMENT ON COLUMN wallet.failed_transfer.source_account_id IS 'The account that was to pay';
COMMENT ON COLUMN wallet.failed_transfer.target_account_id IS 'The account that was to be paid';
COMMENT ON COLUMN wallet.failed_transfer.amount IS '0.01 or more, in hundredths';
COMMENT ON COLUMN wallet.failed_transfer.ctime IS 'When it failed';
COMMENT ON COLUMN wallet.failed_transfer.sqlstate IS 'Of the refusal';
COMMENT ON COLUMN wallet.failed_transfer.message IS 'Of the refusal';
COMMENT ON COLUMN wallet.failed_transfer.detail IS 'Of the refusal';
COMMENT ON COLUMN wallet.failed_transfer.hint IS 'Of the refusal';
COMMENT ON COLUMN wallet.failed_transfer.actor IS 'Who asked for the transfer. wallet.event_log says who cancelled it';

ALTER TABLE ONLY wallet.failed_transfer
    ADD CONSTRAINT failed_transfer_pkey PRIMARY KEY (id);

GRANT SELECT ON TABLE wallet.failed_transfer TO wallet_reader;

-- View wallet.help

CREATE VIEW wallet.help AS
 SELECT p.proname AS function,
    pg_get_function_arguments(p.oid) AS arguments,
    pg_get_function_result(p.oid) AS returns,
    split_part(d.comment, ' Refusals: '::text, 1) AS description,
    split_part(d.comment, ' Refusals: '::text, 2) AS refusals
   FROM (pg_proc p
     CROSS JOIN LATERAL ( VALUES (obj_description(p.oid, 'pg_proc'::name))) d(comment))
  WHERE ((p.pronamespace = ('wallet'::regnamespace)::oid) AND (p.prosecdef OR has_function_privilege('wallet_app'::name, p.oid, 'EXECUTE'::text)))
  ORDER BY p.proname, p.pronargs;

ALTER VIEW wallet.help OWNER TO wallet_owner;

COMMENT ON VIEW wallet.help IS 'The manual: each function, its arguments, what it returns and does, and its refusals';
COMMENT ON COLUMN wallet.help.function IS 'Its name in schema wallet';
COMMENT ON COLUMN wallet.help.arguments IS 'Its parameters with their types and defaults';
COMMENT ON COLUMN wallet.help.returns IS 'The type of what it returns';
COMMENT ON COLUMN wallet.help.description IS 'What it does';
COMMENT ON COLUMN wallet.help.refusals IS 'SQLSTATE and code of each refusal, the first that applies first; docs/errors.md explains them';

GRANT SELECT ON TABLE wallet.help TO wallet_reader;

-- Table wallet.hold_capture

CREATE TABLE wallet.hold_capture (
    hold_id bigint NOT NULL,
    transaction_id bigint NOT NULL
);

ALTER TABLE wallet.hold_capture OWNER TO wallet_owner;

COMMENT ON TABLE wallet.hold_capture IS 'Which transaction took money of which hold. A row, once there, is never changed or deleted';
COMMENT ON COLUMN wallet.hold_capture.hold_id IS 'The hold';
COMMENT ON COLUMN wallet.hold_capture.transaction_id IS 'The transaction; it has one hold at most';

ALTER TABLE ONLY wallet.hold_capture
    ADD CONSTRAINT hold_capture_pkey PRIMARY KEY (hold_id, transaction_id);

GRANT SELECT ON TABLE wallet.hold_capture TO wallet_reader;

-- View wallet.hold_overview

CREATE VIEW wallet.hold_overview AS
 SELECT id,
    account_id,
    amount,
    captured,
    state,
    expires_at,
    (((state)::text = 'held'::text) AND (expires_at <= clock_timestamp())) AS due,
    ctime,
    actor,
    ARRAY( SELECT c.transaction_id
           FROM wallet.hold_capture c
          WHERE (c.hold_id = h.id)
          ORDER BY c.transaction_id) AS captures
   FROM wallet.hold h;

ALTER VIEW wallet.hold_overview OWNER TO wallet_owner;

COMMENT ON VIEW wallet.hold_overview IS 'Each hold: its state, whether it is due and waits for the sweep, and which transactions took what was captured';
COMMENT ON COLUMN wallet.hold_overview.id IS 'The hold';
COMMENT ON COLUMN wallet.hold_overview.account_id IS 'The account whose money it reserves';
COMMENT ON COLUMN wallet.hold_overview.amount IS 'What it reserved when it was made';
COMMENT ON COLUMN wallet.hold_overview.captured IS 'How much of that was taken';
COMMENT ON COLUMN wallet.hold_overview.state IS 'held, captured, released or expired';
COMMENT ON COLUMN wallet.hold_overview.expires_at IS 'When it ends by itself';
COMMENT ON COLUMN wallet.hold_overview.due IS 'Whether that time has come, and it waits for expire_holds()';
COMMENT ON COLUMN wallet.hold_overview.ctime IS 'When it was made';
COMMENT ON COLUMN wallet.hold_overview.actor IS 'Who asked for it: the API key''s name, or the role that called';
COMMENT ON COLUMN wallet.hold_overview.captures IS 'The transactions that took what was captured';

GRANT SELECT ON TABLE wallet.hold_overview TO wallet_reader;

-- View wallet.largest_account

CREATE VIEW wallet.largest_account AS
 SELECT id,
    email,
    balance,
    entry_count
   FROM wallet.account a
  ORDER BY balance DESC, id;

ALTER VIEW wallet.largest_account OWNER TO wallet_owner;

COMMENT ON VIEW wallet.largest_account IS 'Accounts, the one that holds most first: put a LIMIT on it; reads every account';
COMMENT ON COLUMN wallet.largest_account.id IS 'The account';
COMMENT ON COLUMN wallet.largest_account.email IS 'Its owner''s address';
COMMENT ON COLUMN wallet.largest_account.balance IS 'What it holds';
COMMENT ON COLUMN wallet.largest_account.entry_count IS 'How many entries its statement has';

GRANT SELECT ON TABLE wallet.largest_account TO wallet_reader;

-- Table wallet.limit_change

CREATE TABLE wallet.limit_change (
    id bigint NOT NULL,
    account_id bigint NOT NULL,
    entry wallet.entry_count NOT NULL,
    minimum wallet.balance NOT NULL,
    maximum wallet.balance NOT NULL,
    ctime timestamp with time zone NOT NULL,
    actor wallet.actor NOT NULL
);

ALTER TABLE wallet.limit_change OWNER TO wallet_owner;

COMMENT ON TABLE wallet.limit_change IS 'Limits that an account was given. A row, once there, is never changed or deleted';
COMMENT ON COLUMN wallet.limit_change.id IS 'From 1, in an account''s order: it is given while the account is locked';
COMMENT ON COLUMN wallet.limit_change.account_id IS 'The account';
COMMENT ON COLUMN wallet.limit_change.entry IS 'The account''s last entry at that time; the limits are in force for those after it';
COMMENT ON COLUMN wallet.limit_change.minimum IS 'What the balance may not fall below from then on';
COMMENT ON COLUMN wallet.limit_change.maximum IS 'What the balance may not pass from then on';
COMMENT ON COLUMN wallet.limit_change.ctime IS 'When they were set';
COMMENT ON COLUMN wallet.limit_change.actor IS 'Who asked for it: the API key''s name, or the role that called';

ALTER TABLE wallet.limit_change ALTER COLUMN id ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME wallet.limit_change_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);

ALTER TABLE ONLY wallet.limit_change
    ADD CONSTRAINT limit_change_pkey PRIMARY KEY (id);

CREATE INDEX limit_change_account ON wallet.limit_change USING btree (account_id, entry, id);

GRANT SELECT ON TABLE wallet.limit_change TO wallet_reader;

-- Table wallet.pending_transfer

CREATE TABLE wallet.pending_transfer (
    id bigint DEFAULT nextval('wallet.transaction_id_seq'::regclass) NOT NULL,
    source_account_id bigint NOT NULL,
    target_account_id bigint NOT NULL,
    amount wallet.amount NOT NULL,
    ctime timestamp with time zone NOT NULL,
    actor wallet.actor DEFAULT SESSION_USER NOT NULL
)
WITH (autovacuum_vacuum_scale_factor='0', autovacuum_vacuum_threshold='5000');

ALTER TABLE wallet.pending_transfer OWNER TO wallet_owner;

COMMENT ON TABLE wallet.pending_transfer IS 'Transfers that wait for process_pending(). A row stays until it is processed or cancelled';
COMMENT ON COLUMN wallet.pending_transfer.id IS 'The id that the transaction will have, or will have failed with';
COMMENT ON COLUMN wallet.pending_transfer.source_account_id IS 'The account that is to pay';
COMMENT ON COLUMN wallet.pending_transfer.target_account_id IS 'The account that is to be paid';
COMMENT ON COLUMN wallet.pending_transfer.amount IS '0.01 or more, in hundredths';
COMMENT ON COLUMN wallet.pending_transfer.ctime IS 'When it was queued';
COMMENT ON COLUMN wallet.pending_transfer.actor IS 'Who asked for it: the API key''s name, or the role that called';

ALTER TABLE ONLY wallet.pending_transfer
    ADD CONSTRAINT pending_transfer_pkey PRIMARY KEY (id);

GRANT SELECT ON TABLE wallet.pending_transfer TO wallet_reader;

-- View wallet.queue

CREATE VIEW wallet.queue AS
 SELECT row_number() OVER (ORDER BY id) AS "position",
    id,
    source_account_id,
    target_account_id,
    amount,
    ctime,
    (clock_timestamp() - ctime) AS waiting,
    actor
   FROM wallet.pending_transfer p
  ORDER BY id;

ALTER VIEW wallet.queue OWNER TO wallet_owner;

COMMENT ON VIEW wallet.queue IS 'Transfers that wait to be processed, the next one first';
COMMENT ON COLUMN wallet.queue."position" IS '1 is processed next';
COMMENT ON COLUMN wallet.queue.id IS 'The id that the transaction will have';
COMMENT ON COLUMN wallet.queue.source_account_id IS 'The account that is to pay';
COMMENT ON COLUMN wallet.queue.target_account_id IS 'The account that is to be paid';
COMMENT ON COLUMN wallet.queue.amount IS '0.01 or more, in hundredths';
COMMENT ON COLUMN wallet.queue.ctime IS 'When it was queued';
COMMENT ON COLUMN wallet.queue.waiting IS 'For how long it has been waiting';
COMMENT ON COLUMN wallet.queue.actor IS 'Who asked for it: the API key''s name, or the role that called';

GRANT SELECT ON TABLE wallet.queue TO wallet_reader;

-- Table wallet.queue_lock

CREATE TABLE wallet.queue_lock (
    id boolean DEFAULT true NOT NULL,
    CONSTRAINT queue_lock_one_row CHECK (id)
);

ALTER TABLE wallet.queue_lock OWNER TO wallet_owner;

COMMENT ON TABLE wallet.queue_lock IS 'One row. process_pending() locks it, so that one call at a time processes the queue';
COMMENT ON COLUMN wallet.queue_lock.id IS 'true';

ALTER TABLE ONLY wallet.queue_lock
    ADD CONSTRAINT queue_lock_pkey PRIMARY KEY (id);

GRANT SELECT ON TABLE wallet.queue_lock TO wallet_reader;

-- View wallet.queue_stats

CREATE VIEW wallet.queue_stats AS
 SELECT p.pending,
    p.amount,
    p.oldest,
    (clock_timestamp() - p.oldest) AS waiting,
    f.failed,
    f.cancelled,
    f.last_failure
   FROM (( SELECT count(*) AS pending,
            COALESCE(sum((q.amount)::numeric), 0.00) AS amount,
            min(q.ctime) AS oldest
           FROM wallet.pending_transfer q) p
     CROSS JOIN ( SELECT count(*) FILTER (WHERE (x.sqlstate <> 'WL014'::text)) AS failed,
            count(*) FILTER (WHERE (x.sqlstate = 'WL014'::text)) AS cancelled,
            max(x.ctime) AS last_failure
           FROM wallet.failed_transfer x) f);

ALTER VIEW wallet.queue_stats OWNER TO wallet_owner;

COMMENT ON VIEW wallet.queue_stats IS 'How many transfers wait, their sum, since when; how many have failed or were cancelled';
COMMENT ON COLUMN wallet.queue_stats.pending IS 'How many transfers wait';
COMMENT ON COLUMN wallet.queue_stats.amount IS 'The sum of what they are to move';
COMMENT ON COLUMN wallet.queue_stats.oldest IS 'When the one that has been waiting longest was queued; NULL if none waits';
COMMENT ON COLUMN wallet.queue_stats.waiting IS 'For how long that one has been waiting; NULL if none waits';
COMMENT ON COLUMN wallet.queue_stats.failed IS 'How many have failed since the ledger began, without the cancelled ones';
COMMENT ON COLUMN wallet.queue_stats.cancelled IS 'How many were cancelled since the ledger began';
COMMENT ON COLUMN wallet.queue_stats.last_failure IS 'When the last one failed or was cancelled';

GRANT SELECT ON TABLE wallet.queue_stats TO wallet_reader;

-- Table wallet.queued_transfer

CREATE TABLE wallet.queued_transfer (
    id bigint NOT NULL,
    queued_at timestamp with time zone NOT NULL
);

ALTER TABLE wallet.queued_transfer OWNER TO wallet_owner;

COMMENT ON TABLE wallet.queued_transfer IS 'Transfers that have left the queue, made or failed. A row, once there, is never changed or deleted';
COMMENT ON COLUMN wallet.queued_transfer.id IS 'The id of the transaction, or of the failed transfer';
COMMENT ON COLUMN wallet.queued_transfer.queued_at IS 'When it was queued: the ctime that it had while it was pending';

ALTER TABLE ONLY wallet.queued_transfer
    ADD CONSTRAINT queued_transfer_pkey PRIMARY KEY (id);

GRANT SELECT ON TABLE wallet.queued_transfer TO wallet_reader;

-- Table wallet.reversal

CREATE TABLE wallet.reversal (
    transaction_id bigint NOT NULL,
    reverses bigint NOT NULL,
    CONSTRAINT reversal_comes_later CHECK ((transaction_id > reverses))
);

ALTER TABLE wallet.reversal OWNER TO wallet_owner;

COMMENT ON TABLE wallet.reversal IS 'Transactions that take another one back. A row, once there, is never changed or deleted';
COMMENT ON COLUMN wallet.reversal.transaction_id IS 'The transaction that moves the money back';
COMMENT ON COLUMN wallet.reversal.reverses IS 'The transaction that is taken back: once only, and no reversal itself';

ALTER TABLE ONLY wallet.reversal
    ADD CONSTRAINT reversal_pkey PRIMARY KEY (transaction_id);

ALTER TABLE ONLY wallet.reversal
    ADD CONSTRAINT reversal_reverses_key UNIQUE (reverses);

GRANT SELECT ON TABLE wallet.reversal TO wallet_reader;

-- Table wallet.transaction_annotation

CREATE TABLE wallet.transaction_annotation (
    transaction_id bigint NOT NULL,
    reference wallet.reference,
    metadata wallet.metadata
);

ALTER TABLE wallet.transaction_annotation OWNER TO wallet_owner;

COMMENT ON TABLE wallet.transaction_annotation IS 'What callers said of their transactions. A row, once there, is never changed or deleted';
COMMENT ON COLUMN wallet.transaction_annotation.transaction_id IS 'The transaction, which may still be pending, or have failed';
COMMENT ON COLUMN wallet.transaction_annotation.reference IS 'The caller''s own name for it, such as an order''s number; not unique';
COMMENT ON COLUMN wallet.transaction_annotation.metadata IS 'What the caller wants kept; never queried';

ALTER TABLE ONLY wallet.transaction_annotation
    ADD CONSTRAINT transaction_annotation_pkey PRIMARY KEY (transaction_id);

CREATE INDEX transaction_annotation_reference ON wallet.transaction_annotation USING btree (reference, transaction_id) WHERE (reference IS NOT NULL);

GRANT SELECT ON TABLE wallet.transaction_annotation TO wallet_reader;

-- View wallet.recent_transaction

CREATE VIEW wallet.recent_transaction AS
 SELECT t.id,
    t.ctime,
        CASE
            WHEN (r.transaction_id IS NOT NULL) THEN 'reversal'::text
            WHEN (t.source_account_id IS NULL) THEN 'deposit'::text
            WHEN (t.target_account_id IS NULL) THEN 'withdrawal'::text
            ELSE 'transfer'::text
        END AS kind,
    t.source_account_id,
    t.target_account_id,
    t.amount,
    r.reverses,
    t.actor,
    n.reference
   FROM ((wallet.transaction t
     LEFT JOIN wallet.reversal r ON ((r.transaction_id = t.id)))
     LEFT JOIN wallet.transaction_annotation n ON ((n.transaction_id = t.id)))
  ORDER BY t.id DESC;

ALTER VIEW wallet.recent_transaction OWNER TO wallet_owner;

COMMENT ON VIEW wallet.recent_transaction IS 'Transactions, the newest first: put a LIMIT on it';
COMMENT ON COLUMN wallet.recent_transaction.id IS 'The transaction';
COMMENT ON COLUMN wallet.recent_transaction.ctime IS 'When it was made';
COMMENT ON COLUMN wallet.recent_transaction.kind IS 'deposit, withdrawal, transfer or reversal';
COMMENT ON COLUMN wallet.recent_transaction.source_account_id IS 'The account that paid; NULL for a deposit';
COMMENT ON COLUMN wallet.recent_transaction.target_account_id IS 'The account that was paid; NULL for a withdrawal';
COMMENT ON COLUMN wallet.recent_transaction.amount IS '0.01 or more, in hundredths';
COMMENT ON COLUMN wallet.recent_transaction.reverses IS 'The transaction that it takes back, if it is a reversal';
COMMENT ON COLUMN wallet.recent_transaction.actor IS 'Who asked for it: the API key''s name, or the role that called';
COMMENT ON COLUMN wallet.recent_transaction.reference IS 'Its caller''s own name for it, if any';

GRANT SELECT ON TABLE wallet.recent_transaction TO wallet_reader;

-- View wallet.size_per_transaction

CREATE VIEW wallet.size_per_transaction AS
 SELECT c.relname AS relation,
        CASE c.relkind
            WHEN 'i'::"char" THEN 'index'::text
            ELSE 'table'::text
        END AS kind,
    pg_relation_size((c.oid)::regclass) AS bytes,
    round(((pg_relation_size((c.oid)::regclass))::numeric / NULLIF(n.transactions, (0)::numeric)), 1) AS bytes_per_transaction
   FROM (pg_class c
     CROSS JOIN ( SELECT (GREATEST(t.reltuples, (0)::real))::numeric AS "greatest"
           FROM pg_class t
          WHERE (t.oid = ('wallet.transaction'::regclass)::oid)) n(transactions))
  WHERE ((c.relnamespace = ('wallet'::regnamespace)::oid) AND (c.relkind = ANY (ARRAY['r'::"char", 'i'::"char"])))
  ORDER BY (pg_relation_size((c.oid)::regclass)) DESC, c.relname;

ALTER VIEW wallet.size_per_transaction OWNER TO wallet_owner;

COMMENT ON VIEW wallet.size_per_transaction IS 'Tables and indexes with their bytes on disk, and by transaction as of the last ANALYZE';
COMMENT ON COLUMN wallet.size_per_transaction.relation IS 'The table or index';
COMMENT ON COLUMN wallet.size_per_transaction.kind IS 'table or index';
COMMENT ON COLUMN wallet.size_per_transaction.bytes IS 'Its bytes on disk; a table''s without its indexes';
COMMENT ON COLUMN wallet.size_per_transaction.bytes_per_transaction IS 'The same for each transaction, as of the last ANALYZE; NULL before the first one';

GRANT SELECT ON TABLE wallet.size_per_transaction TO wallet_reader;

-- Foreign keys

ALTER TABLE ONLY wallet.reversal
    ADD CONSTRAINT reversal_reverses_fkey FOREIGN KEY (reverses) REFERENCES wallet.transaction(id);

ALTER TABLE ONLY wallet.reversal
    ADD CONSTRAINT reversal_transaction_id_fkey FOREIGN KEY (transaction_id) REFERENCES wallet.transaction(id);

-- Function wallet.annotate

CREATE FUNCTION wallet.annotate(transaction_ids bigint[], reference text[], metadata jsonb[]) RETURNS void
    LANGUAGE plpgsql
    AS $$
BEGIN
    PERFORM wallet.check_annotation(n.reference, n.metadata)
    FROM unnest(annotate.reference, annotate.metadata) AS n (reference, metadata);

    INSERT INTO wallet.transaction_annotation (transaction_id, reference, metadata)
    SELECT n.id, n.reference, n.metadata
    FROM unnest(annotate.transaction_ids, annotate.reference, annotate.metadata)
        AS n (id, reference, metadata)
    WHERE n.id IS NOT NULL AND (n.reference IS NOT NULL OR n.metadata IS NOT NULL);
END
$$;

ALTER FUNCTION wallet.annotate(transaction_ids bigint[], reference text[], metadata jsonb[]) OWNER TO wallet_owner;

COMMENT ON FUNCTION wallet.annotate(transaction_ids bigint[], reference text[], metadata jsonb[]) IS 'Keeps what callers said of their transactions: a reference and metadata for each. Refusals: none of class WL; 22023 for what check_annotation() does not let pass';

REVOKE ALL ON FUNCTION wallet.annotate(transaction_ids bigint[], reference text[], metadata jsonb[]) FROM PUBLIC;

-- Function wallet.annotate_account

CREATE FUNCTION wallet.annotate_account(account_id bigint, reference text, metadata jsonb, actor text DEFAULT NULL::text) RETURNS wallet.account
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'wallet', 'pg_temp'
    AS $$
DECLARE
    v_account wallet.account;
    v_last wallet.account_annotation;
BEGIN
    PERFORM wallet.check_annotation(annotate_account.reference, annotate_account.metadata);
    PERFORM FROM wallet.account a WHERE a.id = annotate_account.account_id FOR NO KEY UPDATE;
    v_account := wallet.get_account(annotate_account.account_id);
    v_last := wallet.get_annotation(v_account.id);

    IF (v_last.reference::text, v_last.metadata::jsonb)
        IS DISTINCT FROM (annotate_account.reference, annotate_account.metadata)
    THEN
        INSERT INTO wallet.account_annotation (account_id, reference, metadata, ctime, actor)
        VALUES (v_account.id, annotate_account.reference, annotate_account.metadata,
                clock_timestamp(), coalesce(annotate_account.actor, session_user));
    END IF;

    RETURN v_account;
END
$$;

ALTER FUNCTION wallet.annotate_account(account_id bigint, reference text, metadata jsonb, actor text) OWNER TO wallet_owner;

COMMENT ON FUNCTION wallet.annotate_account(account_id bigint, reference text, metadata jsonb, actor text) IS 'Gives an account a reference and metadata in place of those that it has, and returns the account. Refusals: 22023 for what cannot be kept, WL004 account_not_found';

REVOKE ALL ON FUNCTION wallet.annotate_account(account_id bigint, reference text, metadata jsonb, actor text) FROM PUBLIC;
GRANT ALL ON FUNCTION wallet.annotate_account(account_id bigint, reference text, metadata jsonb, actor text) TO wallet_app;

-- Function wallet.audit

CREATE FUNCTION wallet.audit(account_id bigint DEFAULT NULL::bigint) RETURNS SETOF wallet.violation
    LANGUAGE plpgsql STABLE SECURITY DEFINER
    SET search_path TO 'wallet', 'pg_temp'
    SET plan_cache_mode TO 'force_custom_plan'
    AS $$
BEGIN
    IF audit.account_id IS NOT NULL THEN
        PERFORM wallet.get_account(audit.account_id);
    END IF;

    RETURN QUERY SELECT v.violation, v.account_id, v.transaction_id, v.detail
    FROM wallet.audit_entries(audit.account_id) v;
    RETURN QUERY SELECT v.violation, v.account_id, v.transaction_id, v.detail
    FROM wallet.audit_transactions(audit.account_id) v;
    RETURN QUERY SELECT v.violation, v.account_id, v.transaction_id, v.detail
    FROM wallet.audit_reversals(audit.account_id) v;
    RETURN QUERY SELECT v.violation, v.account_id, v.transaction_id, v.detail
    FROM wallet.audit_queue(audit.account_id) v;
    RETURN QUERY SELECT v.violation, v.account_id, v.transaction_id, v.detail
    FROM wallet.audit_limits(audit.account_id) v;
    RETURN QUERY SELECT v.violation, v.account_id, v.transaction_id, v.detail
    FROM wallet.audit_holds(audit.account_id) v;
END
$$;

ALTER FUNCTION wallet.audit(account_id bigint) OWNER TO wallet_owner;

COMMENT ON FUNCTION wallet.audit(account_id bigint) IS 'Checks the ledger, and returns a row for each violation: none when it is sound. Refusals: WL004 account_not_found, when an account is named';

REVOKE ALL ON FUNCTION wallet.audit(account_id bigint) FROM PUBLIC;
GRANT ALL ON FUNCTION wallet.audit(account_id bigint) TO wallet_app;
GRANT ALL ON FUNCTION wallet.audit(account_id bigint) TO wallet_reader;

-- Function wallet.audit_entries

CREATE FUNCTION wallet.audit_entries(account_id bigint) RETURNS SETOF wallet.violation
    LANGUAGE plpgsql STABLE
    AS $$
BEGIN
    RETURN QUERY
    WITH chained AS (
        SELECT e.account_id, e.entry, e.transaction_id, e.amount, e.balance, e.ctime,
               coalesce(lag(e.entry) OVER along, 0) AS entry_before,
               coalesce(lag(e.balance) OVER along, 0.00) AS balance_before,
               lag(e.ctime) OVER along AS ctime_before,
               lead(e.transaction_id) OVER along IS NULL AS is_last
        FROM wallet.entry e
        WHERE audit_entries.account_id IS NULL OR e.account_id = audit_entries.account_id
        WINDOW along AS (PARTITION BY e.account_id ORDER BY e.entry, e.transaction_id)
    ),
    -- Few of the entries: one for each account, and those that are wrong.
    kept AS MATERIALIZED (
        SELECT c.account_id, c.entry, c.transaction_id, c.amount, c.balance, c.ctime,
               c.entry_before, c.balance_before, c.ctime_before, c.is_last
        FROM chained c
        WHERE c.is_last
           OR c.entry IS DISTINCT FROM c.entry_before + 1
           OR c.balance IS DISTINCT FROM c.balance_before + c.amount
           OR c.ctime < c.ctime_before
           OR c.entry = 1
           OR c.balance NOT BETWEEN 0.00 AND wallet.max_amount()
    ),
    account AS MATERIALIZED (
        SELECT b.id, b.balance, b.entry_count, b.ctime, b.mtime, b.minimum, b.maximum
        FROM wallet.account b
        WHERE audit_entries.account_id IS NULL OR b.id = audit_entries.account_id
    ),
    limited AS MATERIALIZED (
        SELECT DISTINCT c.account_id FROM wallet.limit_change c
        WHERE audit_entries.account_id IS NULL OR c.account_id = audit_entries.account_id
    )
    SELECT v.violation, coalesce(k.account_id, a.id), v.transaction_id, v.detail
    FROM kept k
    FULL JOIN account a ON a.id = k.account_id
    CROSS JOIN LATERAL (VALUES
        ('entry_gap', k.transaction_id, CASE WHEN k.entry IS DISTINCT FROM k.entry_before + 1
            THEN format('entry %s follows entry %s', k.entry, k.entry_before) END),
        ('balance_chain', k.transaction_id,
            CASE WHEN k.balance IS DISTINCT FROM k.balance_before + k.amount
            THEN format('%s and %s make %s, not %s', k.balance_before, k.amount,
                        k.balance_before + k.amount, k.balance) END),
        ('time_backwards', k.transaction_id, CASE WHEN k.ctime < coalesce(k.ctime_before, a.ctime)
            THEN format('%s is before %s', k.ctime, coalesce(k.ctime_before, a.ctime)) END),
        ('orphan_entry', k.transaction_id, CASE WHEN k.is_last AND a.id IS NULL
            THEN format('%s entries', k.entry) END),
        ('balance_mismatch', k.transaction_id,
            CASE WHEN coalesce(k.is_last, true) AND a.balance <> coalesce(k.balance, 0.00)
            THEN format('the account holds %s, its last entry says %s', a.balance,
                        coalesce(k.balance, 0.00)) END),
        ('entry_count_mismatch', k.transaction_id,
            CASE WHEN coalesce(k.is_last, true) AND a.entry_count <> coalesce(k.entry, 0)
            THEN format('the account counts %s entries, the last is %s', a.entry_count,
                        coalesce(k.entry, 0)) END),
        ('mtime_mismatch', k.transaction_id,
            CASE WHEN coalesce(k.is_last, true) AND a.mtime <> coalesce(k.ctime, a.ctime)
            THEN format('the account says %s, its last entry or its opening %s', a.mtime,
                        coalesce(k.ctime, a.ctime)) END),
        ('balance_out_of_range', k.transaction_id,
            CASE WHEN k.balance NOT BETWEEN 0.00 AND wallet.max_amount()
                AND NOT EXISTS (SELECT FROM limited c WHERE c.account_id = k.account_id)
            THEN format('the balance after entry %s is %s', k.entry, k.balance) END),
        ('balance_out_of_range', NULL,
            CASE WHEN coalesce(k.is_last, true) AND a.balance NOT BETWEEN a.minimum AND a.maximum
            THEN format('the account holds %s', a.balance) END)
    ) AS v (violation, transaction_id, detail)
    WHERE v.detail IS NOT NULL;
END
$$;

ALTER FUNCTION wallet.audit_entries(account_id bigint) OWNER TO wallet_owner;

COMMENT ON FUNCTION wallet.audit_entries(account_id bigint) IS 'Finds entries that do not follow from the ones before, and accounts that do not match. Refusals: none';

REVOKE ALL ON FUNCTION wallet.audit_entries(account_id bigint) FROM PUBLIC;

-- Function wallet.audit_holds

CREATE FUNCTION wallet.audit_holds(account_id bigint) RETURNS SETOF wallet.violation
    LANGUAGE plpgsql STABLE
    AS $$
BEGIN
    RETURN QUERY
    WITH hold AS MATERIALIZED (
        SELECT h.id, h.account_id, h.amount, h.captured, h.state, h.expires_at, h.ctime
        FROM wallet.hold h
    ),
    account AS MATERIALIZED (
        SELECT a.id, a.balance, a.held, a.minimum FROM wallet.account a
        WHERE audit_holds.account_id IS NULL OR a.id = audit_holds.account_id
    ),
    capture AS MATERIALIZED (SELECT c.hold_id, c.transaction_id FROM wallet.hold_capture c),
    taken AS MATERIALIZED (
        SELECT t.id, t.source_account_id, t.amount FROM wallet.transaction t
        WHERE t.id IN (SELECT c.transaction_id FROM capture c)
    )
    SELECT v.violation, a.id, NULL::bigint, v.detail
    FROM account a
    LEFT JOIN (
        SELECT h.account_id, sum(h.amount - h.captured)
        FROM hold h
        WHERE h.state = 'held'
          AND (audit_holds.account_id IS NULL OR h.account_id = audit_holds.account_id)
        GROUP BY h.account_id
    ) AS o (account_id, held) ON o.account_id = a.id
    CROSS JOIN LATERAL (VALUES
        ('held_mismatch', CASE WHEN a.held <> coalesce(o.held, 0.00)
            THEN format('%s is held, the open holds have %s left', a.held,
                        coalesce(o.held, 0.00)) END),
        ('held_out_of_range', CASE WHEN a.held < 0
                OR a.held > 0 AND a.held > a.balance - a.minimum
            THEN format('%s is held of %s, and the minimum is %s', a.held, a.balance,
                        a.minimum) END)
    ) AS v (violation, detail)
    WHERE v.detail IS NOT NULL
    UNION ALL
    SELECT v.violation, h.account_id, NULL, v.detail
    FROM hold h
    LEFT JOIN account a ON a.id = h.account_id
    LEFT JOIN (
        SELECT c.hold_id, sum(t.amount)
        FROM capture c JOIN taken t ON t.id = c.transaction_id
        GROUP BY c.hold_id
    ) AS s (hold_id, amount) ON s.hold_id = h.id
    CROSS JOIN LATERAL (VALUES
        ('captured_mismatch', CASE WHEN h.captured <> coalesce(s.amount, 0.00)
            THEN format('hold %s says %s, its captures took %s', h.id, h.captured,
                        coalesce(s.amount, 0.00)) END),
        ('hold_state', CASE WHEN h.captured NOT BETWEEN 0.00 AND h.amount
                OR h.state IN ('held', 'released', 'expired') AND h.captured >= h.amount
                OR h.state = 'captured' AND h.captured = 0
                OR h.expires_at NOT BETWEEN h.ctime AND h.ctime + interval '367 days'
                OR a.id IS NULL
            THEN format('hold %s is %s with %s of %s captured, made %s, expires %s', h.id, h.state,
                        h.captured, h.amount, h.ctime, h.expires_at) END)
    ) AS v (violation, detail)
    WHERE v.detail IS NOT NULL
      AND (audit_holds.account_id IS NULL OR h.account_id = audit_holds.account_id)
    UNION ALL
    SELECT 'capture_mismatch', coalesce(h.account_id, t.source_account_id), c.transaction_id,
           format('it is said to capture hold %s', c.hold_id)
    FROM capture c
    LEFT JOIN hold h ON h.id = c.hold_id
    LEFT JOIN taken t ON t.id = c.transaction_id
    WHERE (t.source_account_id IS DISTINCT FROM h.account_id OR h.id IS NULL OR t.id IS NULL
           OR EXISTS (SELECT FROM capture d
                      WHERE d.transaction_id = c.transaction_id AND d.hold_id <> c.hold_id))
      AND (audit_holds.account_id IS NULL
           OR audit_holds.account_id = coalesce(h.account_id, t.source_account_id));
END
$$;

ALTER FUNCTION wallet.audit_holds(account_id bigint) OWNER TO wallet_owner;

COMMENT ON FUNCTION wallet.audit_holds(account_id bigint) IS 'Finds holds that do not match their accounts or their captures. Refusals: none';

REVOKE ALL ON FUNCTION wallet.audit_holds(account_id bigint) FROM PUBLIC;

-- Function wallet.audit_limits

CREATE FUNCTION wallet.audit_limits(account_id bigint) RETURNS SETOF wallet.violation
    LANGUAGE plpgsql STABLE
    AS $$
BEGIN
    RETURN QUERY
    -- Which limits were in force, and for the entries after which one up to which one.
    WITH change (account_id, after, until, minimum, maximum) AS MATERIALIZED (
        SELECT c.account_id, c.entry::bigint, lead(c.entry::bigint) OVER (
                   PARTITION BY c.account_id ORDER BY c.entry, c.id),
               c.minimum::numeric, c.maximum::numeric
        FROM wallet.limit_change c
        WHERE audit_limits.account_id IS NULL OR c.account_id = audit_limits.account_id
        UNION ALL
        SELECT c.account_id, 0, min(c.entry::bigint), 0.00, wallet.max_amount()
        FROM wallet.limit_change c
        WHERE audit_limits.account_id IS NULL OR c.account_id = audit_limits.account_id
        GROUP BY c.account_id
    ),
    entry AS MATERIALIZED (
        SELECT e.account_id, e.transaction_id, e.entry, e.balance FROM wallet.entry e
        WHERE e.account_id IN (SELECT f.account_id FROM change f)
    )
    SELECT 'limit_mismatch', a.id, NULL::bigint,
           format('the limits are %s and %s, the account was given %s and %s',
                  a.minimum, a.maximum, coalesce(l.minimum, 0.00),
                  coalesce(l.maximum, wallet.max_amount()))
    FROM wallet.account a
    LEFT JOIN (
        SELECT DISTINCT ON (c.account_id) c.account_id, c.minimum, c.maximum
        FROM wallet.limit_change c
        WHERE audit_limits.account_id IS NULL OR c.account_id = audit_limits.account_id
        ORDER BY c.account_id, c.entry DESC, c.id DESC
    ) l ON l.account_id = a.id
    WHERE (audit_limits.account_id IS NULL OR a.id = audit_limits.account_id)
      AND (a.minimum <> coalesce(l.minimum, 0.00)
           OR a.maximum <> coalesce(l.maximum, wallet.max_amount()))
    UNION ALL
    SELECT 'balance_out_of_range', e.account_id, e.transaction_id,
           format('the balance after entry %s is %s, and was to be %s to %s',
                  e.entry, e.balance, f.minimum, f.maximum)
    FROM change f
    JOIN entry e ON e.account_id = f.account_id
        AND e.entry > f.after AND (f.until IS NULL OR e.entry <= f.until)
    WHERE e.balance NOT BETWEEN f.minimum AND f.maximum;
END
$$;

ALTER FUNCTION wallet.audit_limits(account_id bigint) OWNER TO wallet_owner;

COMMENT ON FUNCTION wallet.audit_limits(account_id bigint) IS 'Finds limits that an account was not given, and entries beyond those that were in force. Refusals: none';

REVOKE ALL ON FUNCTION wallet.audit_limits(account_id bigint) FROM PUBLIC;

-- Function wallet.audit_queue

CREATE FUNCTION wallet.audit_queue(account_id bigint) RETURNS SETOF wallet.violation
    LANGUAGE plpgsql STABLE
    AS $$
BEGIN
    RETURN QUERY
    SELECT 'two_results', NULL::bigint, q.id,
           'it is ' || string_agg(q.state, ' and ' ORDER BY q.state)
    FROM (
        SELECT p.id, 'pending', p.source_account_id, p.target_account_id
        FROM wallet.pending_transfer p
        UNION ALL
        SELECT f.id, 'failed', f.source_account_id, f.target_account_id
        FROM wallet.failed_transfer f
        UNION ALL
        SELECT t.id, 'succeeded', t.source_account_id, t.target_account_id
        FROM wallet.transaction t
        WHERE EXISTS (SELECT FROM wallet.pending_transfer p WHERE p.id = t.id)
           OR EXISTS (SELECT FROM wallet.failed_transfer f WHERE f.id = t.id)
    ) AS q (id, state, source_account_id, target_account_id)
    WHERE audit_queue.account_id IS NULL
       OR audit_queue.account_id IN (q.source_account_id, q.target_account_id)
    GROUP BY q.id
    HAVING count(*) > 1;
END
$$;

ALTER FUNCTION wallet.audit_queue(account_id bigint) OWNER TO wallet_owner;

COMMENT ON FUNCTION wallet.audit_queue(account_id bigint) IS 'Finds queued transfers that have more than one state. Refusals: none';

REVOKE ALL ON FUNCTION wallet.audit_queue(account_id bigint) FROM PUBLIC;

-- Function wallet.audit_reversals

CREATE FUNCTION wallet.audit_reversals(account_id bigint) RETURNS SETOF wallet.violation
    LANGUAGE plpgsql STABLE
    AS $$
BEGIN
    RETURN QUERY
    WITH reversal AS MATERIALIZED (
        SELECT r.transaction_id, r.reverses FROM wallet.reversal r
    ),
    named AS MATERIALIZED (
        SELECT t.id, t.amount, t.source_account_id, t.target_account_id
        FROM wallet.transaction t
        WHERE t.id IN (SELECT r.transaction_id FROM reversal r
                       UNION ALL SELECT r.reverses FROM reversal r)
    )
    SELECT v.violation, NULL::bigint, r.transaction_id, v.detail
    FROM reversal r
    LEFT JOIN named t ON t.id = r.transaction_id
    LEFT JOIN named o ON o.id = r.reverses
    CROSS JOIN LATERAL (VALUES
        ('reversal_orphan', CASE WHEN t.id IS NULL OR o.id IS NULL
            THEN format('transaction %s is not there',
                        CASE WHEN t.id IS NULL THEN r.transaction_id ELSE r.reverses END) END),
        ('reversal_mismatch', CASE WHEN t.id IS NOT NULL AND o.id IS NOT NULL
                AND (t.amount, t.source_account_id, t.target_account_id)
                IS DISTINCT FROM (o.amount, o.target_account_id, o.source_account_id)
            THEN format('%s from %s to %s does not take %s from %s to %s back',
                        t.amount, t.source_account_id, t.target_account_id,
                        o.amount, o.source_account_id, o.target_account_id) END),
        ('reversal_before', CASE WHEN t.id <= o.id
            THEN format('transaction %s comes later', r.reverses) END),
        ('reversal_of_reversal', CASE WHEN EXISTS (
                SELECT FROM reversal p WHERE p.transaction_id = r.reverses)
            THEN format('transaction %s is a reversal', r.reverses) END),
        ('reversed_twice', CASE WHEN EXISTS (
                SELECT FROM reversal p
                WHERE p.reverses = r.reverses AND p.transaction_id < r.transaction_id)
            THEN format('transaction %s was reversed before', r.reverses) END)
    ) AS v (violation, detail)
    WHERE v.detail IS NOT NULL
      AND (audit_reversals.account_id IS NULL
           OR audit_reversals.account_id IN (t.source_account_id, t.target_account_id,
                                             o.source_account_id, o.target_account_id));
END
$$;

ALTER FUNCTION wallet.audit_reversals(account_id bigint) OWNER TO wallet_owner;

COMMENT ON FUNCTION wallet.audit_reversals(account_id bigint) IS 'Finds reversals that are not the mirror of what they reverse. Refusals: none';

REVOKE ALL ON FUNCTION wallet.audit_reversals(account_id bigint) FROM PUBLIC;

-- Function wallet.audit_transactions

CREATE FUNCTION wallet.audit_transactions(account_id bigint) RETURNS SETOF wallet.violation
    LANGUAGE plpgsql STABLE
    AS $$
BEGIN
    RETURN QUERY
    WITH suspect AS MATERIALIZED (
        SELECT t.id, t.amount, t.source_account_id, t.source_entry, t.source_balance,
               t.target_account_id, t.target_entry, t.target_balance
        FROM wallet.transaction t
        WHERE (audit_transactions.account_id IS NULL
               OR t.source_account_id = audit_transactions.account_id
               OR t.target_account_id = audit_transactions.account_id)
          AND (t.amount NOT BETWEEN 0.01 AND wallet.max_amount()
               OR t.source_account_id = t.target_account_id
               OR num_nulls(t.source_account_id, t.source_entry, t.source_balance) NOT IN (0, 3)
               OR num_nulls(t.target_account_id, t.target_entry, t.target_balance) NOT IN (0, 3)
               OR coalesce(t.source_account_id, t.target_account_id) IS NULL)
    )
    SELECT v.violation, NULL::bigint, t.id, v.detail
    FROM suspect t
    CROSS JOIN LATERAL (VALUES
        ('amount_out_of_range', CASE WHEN t.amount NOT BETWEEN 0.01 AND wallet.max_amount()
            THEN format('the amount is %s', t.amount) END),
        ('same_account', CASE WHEN t.source_account_id = t.target_account_id
            THEN format('account %s on both sides', t.source_account_id) END),
        ('incomplete', CASE
            WHEN num_nulls(t.source_account_id, t.source_entry, t.source_balance) % 3
                + num_nulls(t.target_account_id, t.target_entry, t.target_balance) % 3 > 0
                OR coalesce(t.source_account_id, t.target_account_id) IS NULL
            THEN 'an account, its entry or the balance after it is missing' END)
    ) AS v (violation, detail)
    WHERE v.detail IS NOT NULL
    UNION ALL
    SELECT 'sum_mismatch', NULL, NULL,
           format('the balances add up to %s, deposits minus withdrawals to %s', b.sum, o.sum)
    FROM (SELECT coalesce(sum(a.balance), 0.00) FROM wallet.account a) AS b (sum),
         (SELECT coalesce(sum(CASE WHEN t.source_account_id IS NULL
                              THEN t.amount ELSE -t.amount END), 0.00)
          FROM wallet.transaction t
          WHERE t.source_account_id IS NULL OR t.target_account_id IS NULL) AS o (sum)
    WHERE audit_transactions.account_id IS NULL AND b.sum <> o.sum;
END
$$;

ALTER FUNCTION wallet.audit_transactions(account_id bigint) OWNER TO wallet_owner;

COMMENT ON FUNCTION wallet.audit_transactions(account_id bigint) IS 'Finds transactions that could not have been made, and money from nowhere. Refusals: none';

REVOKE ALL ON FUNCTION wallet.audit_transactions(account_id bigint) FROM PUBLIC;

-- Function wallet.balance_at

CREATE FUNCTION wallet.balance_at(account_id bigint, at timestamp with time zone) RETURNS numeric
    LANGUAGE plpgsql STABLE SECURITY DEFINER
    SET search_path TO 'wallet', 'pg_temp'
    AS $$
DECLARE
    v_account wallet.account := wallet.get_account(balance_at.account_id);
    v_entry bigint;
BEGIN
    IF (balance_at.at >= v_account.ctime) IS NOT TRUE THEN
        RETURN NULL;
    END IF;

    v_entry := wallet.entry_at(v_account.id, balance_at.at);
    RETURN coalesce(
        (SELECT e.balance FROM wallet.entry e
         WHERE e.account_id = v_account.id AND e.entry = v_entry), 0.00);
END
$$;

ALTER FUNCTION wallet.balance_at(account_id bigint, at timestamp with time zone) OWNER TO wallet_owner;

COMMENT ON FUNCTION wallet.balance_at(account_id bigint, at timestamp with time zone) IS 'Returns an account''s balance as of a moment, or NULL for a moment before it was opened. Refusals: WL004 account_not_found';

REVOKE ALL ON FUNCTION wallet.balance_at(account_id bigint, at timestamp with time zone) FROM PUBLIC;
GRANT ALL ON FUNCTION wallet.balance_at(account_id bigint, at timestamp with time zone) TO wallet_app;
GRANT ALL ON FUNCTION wallet.balance_at(account_id bigint, at timestamp with time zone) TO wallet_reader;

-- Function wallet.cancel_pending

CREATE FUNCTION wallet.cancel_pending(id bigint, actor text DEFAULT NULL::text) RETURNS wallet.transfer_result
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'wallet', 'pg_temp'
    AS $$
DECLARE
    v_refusal wallet.refusal := wallet.refusal('WL014', cancel_pending.id);
BEGIN
    WITH cancelled AS (
        DELETE FROM wallet.pending_transfer p WHERE p.id = cancel_pending.id
        RETURNING p.id, p.source_account_id, p.target_account_id, p.amount, p.ctime, p.actor
    ), queued AS (
        INSERT INTO wallet.queued_transfer (id, queued_at) SELECT c.id, c.ctime FROM cancelled c
    )
    INSERT INTO wallet.failed_transfer
        (id, source_account_id, target_account_id, amount, ctime, sqlstate, message, detail, hint,
         actor)
    SELECT c.id, c.source_account_id, c.target_account_id, c.amount, clock_timestamp(),
           v_refusal.sqlstate, v_refusal.message, v_refusal.detail, v_refusal.hint, c.actor
    FROM cancelled c;

    IF NOT FOUND THEN
        PERFORM wallet.get_transfer_result(cancel_pending.id);
        PERFORM wallet.raise_refusal(wallet.refusal('WL015', cancel_pending.id));
    END IF;
    PERFORM wallet.log_event(
        cancel_pending.actor, 'cancel_pending', transaction_id => cancel_pending.id);

    RETURN wallet.get_transfer_result(cancel_pending.id);
END
$$;

ALTER FUNCTION wallet.cancel_pending(id bigint, actor text) OWNER TO wallet_owner;

COMMENT ON FUNCTION wallet.cancel_pending(id bigint, actor text) IS 'Takes a pending transfer out of the queue, and returns it: failed, as cancelled. Refusals: WL005 transaction_not_found, WL015 not_pending';

REVOKE ALL ON FUNCTION wallet.cancel_pending(id bigint, actor text) FROM PUBLIC;
GRANT ALL ON FUNCTION wallet.cancel_pending(id bigint, actor text) TO wallet_app;

-- Function wallet.capture

CREATE FUNCTION wallet.capture(hold_id bigint, amount numeric DEFAULT NULL::numeric, target_account_id bigint DEFAULT NULL::bigint, final boolean DEFAULT false) RETURNS wallet.transaction
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'wallet', 'pg_temp'
    AS $$
DECLARE
    v_result wallet.operation_result := wallet.capture(
        capture.hold_id, capture.amount, capture.target_account_id, capture.final, NULL);
BEGIN
    IF (v_result.refusal).sqlstate IS NOT NULL THEN
        PERFORM wallet.raise_refusal(v_result.refusal);
    END IF;
    RETURN v_result.transaction;
END
$$;

ALTER FUNCTION wallet.capture(hold_id bigint, amount numeric, target_account_id bigint, final boolean) OWNER TO wallet_owner;

COMMENT ON FUNCTION wallet.capture(hold_id bigint, amount numeric, target_account_id bigint, final boolean) IS 'Takes held money, and returns the transaction: to another account, or, without one, to outside. Refusals: WL002 invalid_amount, WL016 hold_not_found, WL003 same_account, WL004 account_not_found, WL017 hold_closed, WL018 hold_exceeded, WL007 balance_limit_exceeded, WL008 account_frozen';

CREATE FUNCTION wallet.capture(hold_id bigint, amount numeric, target_account_id bigint, final boolean, idempotency_key text, actor text DEFAULT NULL::text, reference text DEFAULT NULL::text, metadata jsonb DEFAULT NULL::jsonb) RETURNS wallet.operation_result
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'wallet', 'pg_temp'
    AS $$
DECLARE
    v_amount numeric := wallet.round_amount(capture.amount);
    v_target bigint := capture.target_account_id;
    v_hold wallet.hold;
    v_left numeric;
    v_taken numeric;
    v_freed numeric;
    v_refusal wallet.refusal;
    v_locked boolean := false;
    v_result wallet.operation_result;
BEGIN
    IF capture.idempotency_key IS NOT NULL THEN
        RETURN wallet.run_with_key(
            capture.idempotency_key, capture.actor, 'capture', jsonb_build_object(
                'hold_id', capture.hold_id, 'amount', coalesce(v_amount, capture.amount),
                'target_account_id', v_target, 'final', coalesce(capture.final, false),
                'reference', capture.reference, 'metadata', capture.metadata));
    ELSIF capture.amount IS NOT NULL AND v_amount IS NULL THEN
        PERFORM wallet.raise_refusal(wallet.refusal('WL002', amount => capture.amount));
    END IF;

    LOOP
        SELECT h.id, h.account_id, h.amount, h.captured, h.state, h.expires_at, h.ctime, h.actor
        INTO v_hold
        FROM wallet.hold h WHERE h.id = capture.hold_id;
        v_left := v_hold.amount - v_hold.captured;
        IF v_hold.account_id = v_target THEN
            PERFORM wallet.raise_refusal(wallet.refusal('WL003', v_target));
        ELSIF v_hold.id IS NULL THEN
            v_refusal := wallet.refusal('WL016', capture.hold_id);
        ELSIF v_locked OR v_left = 0 THEN
            v_refusal := wallet.check_hold(v_hold, v_amount);
        END IF;
        IF v_refusal.sqlstate IS NOT NULL THEN
            PERFORM FROM wallet.account a WHERE a.id = v_target;
            IF v_hold.id IS NOT NULL AND v_target IS NOT NULL AND NOT FOUND THEN
                v_refusal := wallet.refusal('WL004', v_target);
            END IF;
            RETURN ROW(false, NULL, NULL, NULL, v_refusal, NULL)::wallet.operation_result;
        END IF;

        v_taken := coalesce(v_amount, v_left);
        v_freed := CASE WHEN capture.final THEN greatest(v_left, v_taken) ELSE v_taken END;
        v_result := wallet.post(
            v_hold.account_id, v_target, v_taken, outside => true, actor => capture.actor,
            hold_id => v_hold.id, freed => v_freed,
            reference => capture.reference, metadata => capture.metadata);
        EXIT WHEN (v_result.transaction).id IS NOT NULL
            OR (v_locked AND (v_result.refusal).sqlstate IS NOT NULL);
        -- Once more, to say why: the hold may have changed before its account was locked.
        v_locked := true;
    END LOOP;
    IF (v_result.refusal).sqlstate IS NULL THEN
        INSERT INTO wallet.hold_capture (hold_id, transaction_id)
        VALUES (capture.hold_id, (v_result.transaction).id);
    END IF;
    RETURN v_result;
END
$$;

ALTER FUNCTION wallet.capture(hold_id bigint, amount numeric, target_account_id bigint, final boolean, idempotency_key text, actor text, reference text, metadata jsonb) OWNER TO wallet_owner;

COMMENT ON FUNCTION wallet.capture(hold_id bigint, amount numeric, target_account_id bigint, final boolean, idempotency_key text, actor text, reference text, metadata jsonb) IS 'Takes held money, and returns the transaction: to another account, or, without one, to outside, once for each key. Refusals: 22023 for a bad key, WL002 invalid_amount, WL003 same_account, WL011 idempotency_key_reused; all others are part of the result';

REVOKE ALL ON FUNCTION wallet.capture(hold_id bigint, amount numeric, target_account_id bigint, final boolean) FROM PUBLIC;
GRANT ALL ON FUNCTION wallet.capture(hold_id bigint, amount numeric, target_account_id bigint, final boolean) TO wallet_app;

REVOKE ALL ON FUNCTION wallet.capture(hold_id bigint, amount numeric, target_account_id bigint, final boolean, idempotency_key text, actor text, reference text, metadata jsonb) FROM PUBLIC;
GRANT ALL ON FUNCTION wallet.capture(hold_id bigint, amount numeric, target_account_id bigint, final boolean, idempotency_key text, actor text, reference text, metadata jsonb) TO wallet_app;

-- Function wallet.check_accounts

CREATE FUNCTION wallet.check_accounts(amount numeric, source_account_id bigint, source_balance numeric, source_held numeric, source_minimum numeric, source_frozen boolean, target_account_id bigint, target_balance numeric, target_maximum numeric, target_frozen boolean, outside boolean) RETURNS wallet.refusal
    LANGUAGE sql IMMUTABLE
    AS $$
SELECT CASE
    WHEN check_accounts.source_balance IS NULL
        AND NOT (check_accounts.source_account_id IS NULL AND check_accounts.outside)
        THEN wallet.refusal('WL004', check_accounts.source_account_id)
    WHEN check_accounts.target_balance IS NULL
        AND NOT (check_accounts.target_account_id IS NULL AND check_accounts.outside
                 AND check_accounts.source_account_id IS NOT NULL)
        THEN wallet.refusal('WL004', check_accounts.target_account_id)
    WHEN check_accounts.source_balance - check_accounts.source_held - check_accounts.amount
            < check_accounts.source_minimum
        THEN wallet.refusal('WL006', check_accounts.source_account_id,
                            check_accounts.source_balance, check_accounts.amount,
                            check_accounts.source_minimum, check_accounts.source_held)
    WHEN check_accounts.target_balance + check_accounts.amount > check_accounts.target_maximum
        THEN wallet.refusal('WL007', check_accounts.target_account_id,
                            check_accounts.target_balance, check_accounts.amount,
                            check_accounts.target_maximum)
    WHEN check_accounts.source_frozen THEN wallet.refusal('WL008', check_accounts.source_account_id)
    WHEN check_accounts.target_frozen THEN wallet.refusal('WL008', check_accounts.target_account_id)
END
$$;

ALTER FUNCTION wallet.check_accounts(amount numeric, source_account_id bigint, source_balance numeric, source_held numeric, source_minimum numeric, source_frozen boolean, target_account_id bigint, target_balance numeric, target_maximum numeric, target_frozen boolean, outside boolean) OWNER TO wallet_owner;

COMMENT ON FUNCTION wallet.check_accounts(amount numeric, source_account_id bigint, source_balance numeric, source_held numeric, source_minimum numeric, source_frozen boolean, target_account_id bigint, target_balance numeric, target_maximum numeric, target_frozen boolean, outside boolean) IS 'Returns why an amount may not move between two accounts, or NULL: the rules of the ledger. Refusals: none';

REVOKE ALL ON FUNCTION wallet.check_accounts(amount numeric, source_account_id bigint, source_balance numeric, source_held numeric, source_minimum numeric, source_frozen boolean, target_account_id bigint, target_balance numeric, target_maximum numeric, target_frozen boolean, outside boolean) FROM PUBLIC;

-- Function wallet.check_annotation

CREATE FUNCTION wallet.check_annotation(reference text, metadata jsonb) RETURNS void
    LANGUAGE plpgsql IMMUTABLE
    AS $$
BEGIN
    -- As the domains have it, which would say it without a hint.
    IF NOT (length(check_annotation.reference) BETWEEN 1 AND 255
        AND check_annotation.reference !~ '[\u0001-\u001f\u007f-\u009f\u2028\u2029]')
    THEN
        RAISE EXCEPTION USING ERRCODE = 'invalid_parameter_value', MESSAGE = 'invalid reference',
            DETAIL = format('The reference has %s characters, or one that is not printable.',
                            length(check_annotation.reference)),
            HINT = 'Give 1 to 255 printable characters.';
    ELSIF NOT (jsonb_typeof(check_annotation.metadata) = 'object'
        AND octet_length(check_annotation.metadata::text) <= 4096)
    THEN
        RAISE EXCEPTION USING ERRCODE = 'invalid_parameter_value', MESSAGE = 'invalid metadata',
            DETAIL = format('The metadata is of type %s, and takes %s bytes.',
                            jsonb_typeof(check_annotation.metadata),
                            octet_length(check_annotation.metadata::text)),
            HINT = 'Give a JSON object of at most 4096 bytes.';
    END IF;
END
$$;

ALTER FUNCTION wallet.check_annotation(reference text, metadata jsonb) OWNER TO wallet_owner;

COMMENT ON FUNCTION wallet.check_annotation(reference text, metadata jsonb) IS 'Raises an error unless a reference and metadata are such as can be kept. Refusals: none of class WL; 22023 for what cannot be kept';

REVOKE ALL ON FUNCTION wallet.check_annotation(reference text, metadata jsonb) FROM PUBLIC;

-- Function wallet.check_email

CREATE FUNCTION wallet.check_email(email text) RETURNS void
    LANGUAGE plpgsql STABLE
    AS $_$
DECLARE
    v_reason text;
BEGIN
    -- The characters are spelled out, since classes such as \s depend on the database's locale.
    v_reason := CASE
        WHEN check_email.email IS NULL THEN 'The email is NULL.'
        WHEN check_email.email = '' THEN 'The email is empty.'
        WHEN char_length(check_email.email) > 254 THEN format(
            'The email has %s characters; 254 is the limit.', char_length(check_email.email))
        WHEN check_email.email ~ '[\u0001-\u001f\u007f-\u009f]'
            THEN 'The email has a control character in it.'
        WHEN check_email.email
            ~ '[\u0020\u00a0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000]'
            THEN 'The email has white space in it.'
        WHEN check_email.email ~ ('[\u00ad\u0600-\u0605\u061c\u06dd\u070f\u0890\u0891\u08e2'
            '\u180e\u200b-\u200f\u202a-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb\U000110bd\U000110cd'
            '\U00013430-\U0001343f\U0001bca0-\U0001bca3\U0001d173-\U0001d17a'
            '\U000e0001\U000e0020-\U000e007f]')
            THEN 'The email has a format character in it, which cannot be seen.'
        WHEN check_email.email !~ '^[^@]+@[^@]+$' THEN format('The email is %L.', check_email.email)
    END;
    IF v_reason IS NOT NULL THEN
        PERFORM wallet.raise_refusal(ROW('WL001', 'invalid email', v_reason,
            'Give an address of the form local@domain, without white space.')::wallet.refusal);
    END IF;
END
$_$;

ALTER FUNCTION wallet.check_email(email text) OWNER TO wallet_owner;

COMMENT ON FUNCTION wallet.check_email(email text) IS 'Raises a refusal unless an email is an address: local@domain, 3 to 254 characters. Refusals: WL001 invalid_email';

REVOKE ALL ON FUNCTION wallet.check_email(email text) FROM PUBLIC;

-- Function wallet.check_group

CREATE FUNCTION wallet.check_group(requests wallet.group_request[]) RETURNS void
    LANGUAGE plpgsql IMMUTABLE
    AS $$
BEGIN
    PERFORM wallet.check_key(r.idempotency_key)
    FROM unnest(check_group.requests) r WHERE r.idempotency_key IS NOT NULL;
    IF EXISTS (
        SELECT FROM unnest(check_group.requests) r
        WHERE (r.operation = 'transfer'
               OR (r.operation = 'deposit' AND r.source_account_id IS NULL)
               OR (r.operation = 'withdraw' AND r.target_account_id IS NULL)) IS NOT TRUE)
    THEN
        RAISE EXCEPTION USING ERRCODE = 'invalid_parameter_value', MESSAGE = 'invalid operation',
            DETAIL = 'A request of the group is no deposit, withdrawal or transfer.',
            HINT = 'Give deposit without a source, withdraw without a target, or transfer.';
    END IF;
END
$$;

ALTER FUNCTION wallet.check_group(requests wallet.group_request[]) OWNER TO wallet_owner;

COMMENT ON FUNCTION wallet.check_group(requests wallet.group_request[]) IS 'Raises an error unless each request of a group has a key and an operation that can be one. Refusals: none of class WL; 22023 for a bad key or operation';

REVOKE ALL ON FUNCTION wallet.check_group(requests wallet.group_request[]) FROM PUBLIC;

-- Function wallet.check_hold

CREATE FUNCTION wallet.check_hold(hold wallet.hold, amount numeric) RETURNS wallet.refusal
    LANGUAGE plpgsql
    AS $$
DECLARE
    v_hold wallet.hold := check_hold.hold;
    v_left numeric := v_hold.amount - v_hold.captured;
BEGIN
    IF v_hold.state <> 'held' THEN
        RETURN wallet.refusal('WL017', v_hold.id, state => v_hold.state);
    ELSIF v_hold.expires_at <= clock_timestamp() THEN
        -- Whether or not the sweep has come to it.
        RETURN wallet.refusal('WL017', v_hold.id, state => 'expired');
    ELSIF check_hold.amount > v_left THEN
        RETURN wallet.refusal('WL018', v_hold.id, v_left, check_hold.amount);
    END IF;
    RETURN NULL;
END
$$;

ALTER FUNCTION wallet.check_hold(hold wallet.hold, amount numeric) OWNER TO wallet_owner;

COMMENT ON FUNCTION wallet.check_hold(hold wallet.hold, amount numeric) IS 'Returns why a hold may not be captured or released, or NULL: the rules of holds. Refusals: none';

REVOKE ALL ON FUNCTION wallet.check_hold(hold wallet.hold, amount numeric) FROM PUBLIC;

-- Function wallet.check_key

CREATE FUNCTION wallet.check_key(idempotency_key text) RETURNS void
    LANGUAGE plpgsql IMMUTABLE
    AS $$
BEGIN
    -- Not as one regular expression: '{1,255}' would make it a hundred times slower.
    IF (length(check_key.idempotency_key) BETWEEN 1 AND 255
        AND check_key.idempotency_key !~ '[^\u0020-\u007e]') IS NOT TRUE THEN
        RAISE EXCEPTION USING ERRCODE = 'invalid_parameter_value',
            MESSAGE = 'invalid idempotency key',
            DETAIL = format('The key has %s characters.', coalesce(length(idempotency_key), 0)),
            HINT = 'Give a key of 1 to 255 printable ASCII characters.';
    END IF;
END
$$;

ALTER FUNCTION wallet.check_key(idempotency_key text) OWNER TO wallet_owner;

COMMENT ON FUNCTION wallet.check_key(idempotency_key text) IS 'Raises an error unless a key is 1 to 255 printable ASCII characters. Refusals: none of class WL; 22023 for a key that cannot be one';

REVOKE ALL ON FUNCTION wallet.check_key(idempotency_key text) FROM PUBLIC;

-- Function wallet.check_page_size

CREATE FUNCTION wallet.check_page_size(page_size integer) RETURNS void
    LANGUAGE plpgsql IMMUTABLE
    AS $$
BEGIN
    IF (check_page_size.page_size BETWEEN 1 AND 1000) IS NOT TRUE THEN
        RAISE EXCEPTION USING ERRCODE = 'invalid_parameter_value', MESSAGE = 'invalid page size',
            DETAIL = format('The page size is %s.', coalesce(page_size::text, 'NULL')),
            HINT = 'Give a page size of 1 to 1000.';
    END IF;
END
$$;

ALTER FUNCTION wallet.check_page_size(page_size integer) OWNER TO wallet_owner;

COMMENT ON FUNCTION wallet.check_page_size(page_size integer) IS 'Raises an error unless a page size is 1 to 1000. Refusals: none of class WL; 22023 for any other page size';

REVOKE ALL ON FUNCTION wallet.check_page_size(page_size integer) FROM PUBLIC;

-- Function wallet.check_request

CREATE FUNCTION wallet.check_request(source_account_id bigint, target_account_id bigint, amount numeric) RETURNS wallet.refusal
    LANGUAGE sql IMMUTABLE
    AS $$
SELECT CASE
    WHEN wallet.round_amount(check_request.amount) IS NULL
        THEN wallet.refusal('WL002', amount => check_request.amount)
    WHEN check_request.source_account_id = check_request.target_account_id
        THEN wallet.refusal('WL003', check_request.source_account_id)
END
$$;

ALTER FUNCTION wallet.check_request(source_account_id bigint, target_account_id bigint, amount numeric) OWNER TO wallet_owner;

COMMENT ON FUNCTION wallet.check_request(source_account_id bigint, target_account_id bigint, amount numeric) IS 'Returns why a transfer, deposit or withdrawal is refused for what was given, or NULL. Refusals: none';

REVOKE ALL ON FUNCTION wallet.check_request(source_account_id bigint, target_account_id bigint, amount numeric) FROM PUBLIC;

-- Function wallet.claim_keys

CREATE FUNCTION wallet.claim_keys(requests wallet.group_request[], wait integer) RETURNS wallet.claim[]
    LANGUAGE plpgsql
    AS $$
DECLARE
    v_setting text := current_setting('lock_timeout');
    -- A row for each request, with a hash if the request could be made.
    v_keys wallet.idempotency_key[];
    v_key wallet.idempotency_key;
    v_are_new boolean := false;
BEGIN
    PERFORM wallet.check_group(claim_keys.requests);
    IF NOT EXISTS (
        SELECT FROM unnest(claim_keys.requests) r WHERE r.idempotency_key IS NOT NULL)
    THEN
        RETURN array_fill('(run,,)'::wallet.claim, ARRAY[cardinality(claim_keys.requests)]);
    END IF;
    v_keys := ARRAY(SELECT CASE WHEN r.idempotency_key IS NOT NULL THEN ROW(
            r.actor, r.idempotency_key, CASE WHEN (wallet.check_request(
                    r.source_account_id, r.target_account_id, r.amount)).sqlstate IS NULL
                THEN wallet.hash_request(r) END,
            clock_timestamp(), nextval('wallet.transaction_id_seq'),
            NULL, NULL, NULL, NULL, NULL)::wallet.idempotency_key END
        FROM unnest(claim_keys.requests) r);
    BEGIN
        PERFORM set_config('lock_timeout', coalesce(claim_keys.wait::text, v_setting), true);
        BEGIN
            -- Most often each is new. ON CONFLICT would look for each key once more.
            INSERT INTO wallet.idempotency_key (actor, key, request_hash, ctime, transaction_id)
            SELECT f.actor, f.key, f.request_hash, f.ctime, f.transaction_id
            FROM unnest(v_keys) f WHERE f.request_hash IS NOT NULL ORDER BY f.actor, f.key;
            v_are_new := true;
        EXCEPTION WHEN unique_violation THEN
            -- The first of several with one key has it.
            INSERT INTO wallet.idempotency_key (actor, key, request_hash, ctime, transaction_id)
            SELECT f.actor, f.key, f.request_hash, f.ctime, f.transaction_id
            FROM unnest(v_keys) f WHERE f.request_hash IS NOT NULL
            ORDER BY f.actor, f.key, f.transaction_id ON CONFLICT DO NOTHING;
        END;
    EXCEPTION WHEN lock_not_available THEN
        -- One by one, without a wait to speak of: this tells the locked keys from the free ones.
        PERFORM set_config('lock_timeout', '1', true);
        FOREACH v_key IN ARRAY ARRAY(
            SELECT f FROM unnest(v_keys) f WHERE f.request_hash IS NOT NULL
            ORDER BY f.actor, f.key, f.transaction_id)
        LOOP
            BEGIN
                INSERT INTO wallet.idempotency_key VALUES (v_key.*) ON CONFLICT DO NOTHING;
            EXCEPTION WHEN lock_not_available THEN CONTINUE;
            END;
        END LOOP;
    END;
    PERFORM set_config('lock_timeout', v_setting, true);

    RETURN ARRAY(
        SELECT ROW(CASE
            WHEN r.key IS NULL OR (v_are_new AND r.request_hash IS NOT NULL)
                OR k.transaction_id = r.transaction_id THEN 'run'
            -- Its own refusal, unless the key was used before it.
            WHEN r.request_hash IS NULL AND (k.key IS NULL OR k.transaction_id > r.transaction_id)
                THEN 'run'
            WHEN k.key IS NULL THEN 'locked'
            WHEN r.request_hash IS NULL OR k.request_hash <> r.request_hash THEN 'reused'
            ELSE 'replay' END, r.transaction_id, NULL)::wallet.claim
        FROM unnest(v_keys) WITH ORDINALITY r
        LEFT JOIN wallet.idempotency_key k ON k.actor = r.actor
            AND k.key = CASE WHEN NOT v_are_new OR r.request_hash IS NULL THEN r.key END
        ORDER BY r.ordinality);
END
$$;

ALTER FUNCTION wallet.claim_keys(requests wallet.group_request[], wait integer) OWNER TO wallet_owner;

COMMENT ON FUNCTION wallet.claim_keys(requests wallet.group_request[], wait integer) IS 'Claims the idempotency keys of many requests, and returns what is to become of each request. Refusals: none of class WL; 22023 for a bad key or operation';

REVOKE ALL ON FUNCTION wallet.claim_keys(requests wallet.group_request[], wait integer) FROM PUBLIC;

-- Function wallet.create_account

CREATE FUNCTION wallet.create_account(email text) RETURNS wallet.account
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'wallet', 'pg_temp'
    AS $$
DECLARE
    v_account wallet.account;
    v_ctime timestamptz := clock_timestamp();
BEGIN
    PERFORM wallet.check_email(create_account.email);

    INSERT INTO wallet.account AS a (email, ctime, mtime)
    VALUES (create_account.email, v_ctime, v_ctime)
    RETURNING a.id, a.email, a.balance, a.ctime, a.mtime, a.entry_count, a.frozen,
              a.held, a.minimum, a.maximum
    INTO v_account;

    RETURN v_account;
END
$$;

ALTER FUNCTION wallet.create_account(email text) OWNER TO wallet_owner;

COMMENT ON FUNCTION wallet.create_account(email text) IS 'Opens an account with a balance of 0.00 for an email address, and returns it. Refusals: WL001 invalid_email';

CREATE FUNCTION wallet.create_account(email text, idempotency_key text, actor text DEFAULT NULL::text, reference text DEFAULT NULL::text, metadata jsonb DEFAULT NULL::jsonb) RETURNS wallet.operation_result
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'wallet', 'pg_temp'
    AS $$
DECLARE
    v_account wallet.account;
BEGIN
    IF create_account.idempotency_key IS NOT NULL THEN
        RETURN wallet.run_with_key(
            create_account.idempotency_key, create_account.actor, 'create_account',
            jsonb_build_object('email', create_account.email, 'reference', create_account.reference,
                               'metadata', create_account.metadata));
    END IF;
    v_account := wallet.create_account(create_account.email);
    IF create_account.reference IS NOT NULL OR create_account.metadata IS NOT NULL THEN
        PERFORM wallet.annotate_account(v_account.id, create_account.reference,
                                        create_account.metadata, create_account.actor);
    END IF;
    RETURN ROW(false, v_account, NULL, NULL, NULL, NULL)::wallet.operation_result;
END
$$;

ALTER FUNCTION wallet.create_account(email text, idempotency_key text, actor text, reference text, metadata jsonb) OWNER TO wallet_owner;

COMMENT ON FUNCTION wallet.create_account(email text, idempotency_key text, actor text, reference text, metadata jsonb) IS 'Opens an account with a balance of 0.00 for an email address, and returns it, once for each key. Refusals: 22023 for a bad key, WL001 invalid_email, WL011 idempotency_key_reused';

REVOKE ALL ON FUNCTION wallet.create_account(email text) FROM PUBLIC;
GRANT ALL ON FUNCTION wallet.create_account(email text) TO wallet_app;

REVOKE ALL ON FUNCTION wallet.create_account(email text, idempotency_key text, actor text, reference text, metadata jsonb) FROM PUBLIC;
GRANT ALL ON FUNCTION wallet.create_account(email text, idempotency_key text, actor text, reference text, metadata jsonb) TO wallet_app;

-- Function wallet.create_api_key

CREATE FUNCTION wallet.create_api_key(name text, scopes text[], expires_in interval DEFAULT NULL::interval) RETURNS text
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'wallet', 'pg_temp'
    AS $_$
DECLARE
    v_now timestamptz := clock_timestamp();
    v_reason text;
    v_key text;
    v_detail text;
BEGIN
    v_reason := CASE
        WHEN (create_api_key.name ~ '^[\u0021-\u007e]{1,63}$') IS NOT TRUE
            THEN format('The name is %L.', create_api_key.name)
        WHEN EXISTS (SELECT FROM pg_roles r WHERE r.rolname = create_api_key.name)
            THEN format('The name is %L, which a database role has.', create_api_key.name)
        WHEN (create_api_key.scopes <> '{}' AND array_position(create_api_key.scopes, NULL) IS NULL
              AND create_api_key.scopes <@ ARRAY['read', 'write', 'operate']) IS NOT TRUE
            THEN format('The scopes are %L.', create_api_key.scopes)
        WHEN NOT (create_api_key.expires_in > interval '0'
                  AND create_api_key.expires_in <= interval '100 years')
            THEN format('expires_in is %L.', create_api_key.expires_in)
    END;
    IF v_reason IS NOT NULL THEN
        RAISE EXCEPTION USING ERRCODE = 'invalid_parameter_value', MESSAGE = 'invalid API key',
            DETAIL = v_reason,
            HINT = 'A name is 1 to 63 printable ASCII characters without spaces, and no role''s; '
                'scopes are some of read, write, operate; expires_in is up to 100 years, or NULL.';
    END IF;
    IF (SELECT count(*) FROM wallet.api_key k
        WHERE k.revoked_at IS NULL AND (k.expires_at > v_now) IS NOT FALSE) >= 1000
    THEN
        RAISE EXCEPTION USING ERRCODE = 'program_limit_exceeded', MESSAGE = 'too many API keys',
            DETAIL = 'There are 1000 valid keys.', HINT = 'Revoke keys that are not used.';
    END IF;

    v_key := 'pgw_' || encode(sha256(uuid_send(gen_random_uuid()) || uuid_send(gen_random_uuid())
                                     || uuid_send(gen_random_uuid())), 'hex');
    v_key := v_key || '_' || left(encode(sha256(convert_to(v_key, 'UTF8')), 'hex'), 8);
    INSERT INTO wallet.api_key (name, hash, ending, scopes, ctime, expires_at)
    VALUES (create_api_key.name, sha256(convert_to(v_key, 'UTF8')), right(v_key, 8),
            ARRAY(SELECT DISTINCT s FROM unnest(create_api_key.scopes) s ORDER BY s),
            v_now, v_now + create_api_key.expires_in)
    RETURNING format('key %s of %s: %s', api_key.id, api_key.name,
                     array_to_string(api_key.scopes, ', ')) INTO v_detail;
    PERFORM wallet.log_event(NULL, 'create_api_key', detail => v_detail);
    RETURN v_key;
END
$_$;

ALTER FUNCTION wallet.create_api_key(name text, scopes text[], expires_in interval) OWNER TO wallet_owner;

COMMENT ON FUNCTION wallet.create_api_key(name text, scopes text[], expires_in interval) IS 'Makes an API key for a client of the HTTP service, and returns it, once. Refusals: none of class WL; 22023 for a name, scopes or an expires_in that cannot be, 54000 for more than 1000 valid keys, which is what each worker of the service keeps in memory';

REVOKE ALL ON FUNCTION wallet.create_api_key(name text, scopes text[], expires_in interval) FROM PUBLIC;

-- Function wallet.decide_batch

CREATE FUNCTION wallet.decide_batch(accounts wallet.account[], transfers wallet.transfer_request[], ids bigint[], outside boolean[], actors text[] DEFAULT NULL::text[]) RETURNS wallet.transfer_result[]
    LANGUAGE plpgsql
    SET plan_cache_mode TO 'force_generic_plan'
    SET enable_nestloop TO 'off'
    AS $$
DECLARE
    -- What changes as the batch goes on, for each account in its place.
    v_balance numeric[];
    v_entry bigint[];
    v_mtime timestamptz[];
    v_now timestamptz;
    v_ctime timestamptz;
    v_item record;
    v_refusal wallet.refusal;
    v_results wallet.transfer_result[] := '{}'::wallet.transfer_result[];
BEGIN
    SELECT array_agg(a.balance::numeric), array_agg(a.entry_count::bigint), array_agg(a.mtime),
           clock_timestamp()
    INTO v_balance, v_entry, v_mtime, v_now
    FROM unnest(decide_batch.accounts) a;

    FOR v_item IN
        SELECT r.id, r.source_account_id, r.target_account_id, r.amount AS asked,
               wallet.round_amount(r.amount) AS amount, coalesce(r.outside, false) AS outside,
               coalesce(r.actor, session_user) AS actor,
               wallet.check_request(r.source_account_id, r.target_account_id, r.amount) AS refusal,
               s.ordinality::int AS s, s.held, s.minimum, s.frozen AS source_frozen,
               t.ordinality::int AS t, t.maximum, t.frozen AS target_frozen
        FROM unnest(decide_batch.transfers, decide_batch.ids, decide_batch.outside,
                    decide_batch.actors) WITH ORDINALITY
            AS r (source_account_id, target_account_id, amount, id, outside, actor, place)
        LEFT JOIN unnest(decide_batch.accounts) WITH ORDINALITY s ON s.id = r.source_account_id
        LEFT JOIN unnest(decide_batch.accounts) WITH ORDINALITY t ON t.id = r.target_account_id
        ORDER BY r.place
    LOOP
        v_refusal := v_item.refusal;
        IF v_refusal.sqlstate IS NULL THEN
            v_refusal := wallet.check_accounts(
                v_item.amount, v_item.source_account_id, v_balance[v_item.s], v_item.held,
                v_item.minimum, v_item.source_frozen, v_item.target_account_id,
                v_balance[v_item.t], v_item.maximum, v_item.target_frozen, v_item.outside);
        END IF;
        IF v_refusal.sqlstate IS NULL THEN
            -- From the clock and these two accounts alone, as in post().
            v_ctime := greatest(v_now, v_mtime[v_item.s], v_mtime[v_item.t]);
            IF v_item.s IS NOT NULL THEN
                v_balance[v_item.s] := v_balance[v_item.s] - v_item.amount;
                v_entry[v_item.s] := v_entry[v_item.s] + 1;
                v_mtime[v_item.s] := v_ctime;
            END IF;
            IF v_item.t IS NOT NULL THEN
                v_balance[v_item.t] := v_balance[v_item.t] + v_item.amount;
                v_entry[v_item.t] := v_entry[v_item.t] + 1;
                v_mtime[v_item.t] := v_ctime;
            END IF;
            v_item.id := coalesce(v_item.id, nextval('wallet.transaction_id_seq'));
            v_results := v_results || ROW(v_item.id, v_item.source_account_id,
                v_item.target_account_id, v_item.amount, v_ctime, v_entry[v_item.s],
                v_entry[v_item.t], v_balance[v_item.s], v_balance[v_item.t], v_item.actor,
                'succeeded', NULL, NULL, NULL, NULL)::wallet.transfer_result;
        ELSE
            v_results := v_results || ROW(v_item.id, v_item.source_account_id,
                v_item.target_account_id, coalesce(v_item.amount, v_item.asked), v_now, NULL, NULL,
                NULL, NULL, v_item.actor, 'failed', v_refusal.sqlstate, v_refusal.message,
                v_refusal.detail, v_refusal.hint)::wallet.transfer_result;
        END IF;
    END LOOP;

    RETURN v_results;
END
$$;

ALTER FUNCTION wallet.decide_batch(accounts wallet.account[], transfers wallet.transfer_request[], ids bigint[], outside boolean[], actors text[]) OWNER TO wallet_owner;

COMMENT ON FUNCTION wallet.decide_batch(accounts wallet.account[], transfers wallet.transfer_request[], ids bigint[], outside boolean[], actors text[]) IS 'Decides on many transfers, one after another, and returns the result of each, in their order. Refusals: none';

REVOKE ALL ON FUNCTION wallet.decide_batch(accounts wallet.account[], transfers wallet.transfer_request[], ids bigint[], outside boolean[], actors text[]) FROM PUBLIC;

-- Function wallet.deposit

CREATE FUNCTION wallet.deposit(account_id bigint, amount numeric) RETURNS wallet.transaction
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'wallet', 'pg_temp'
    AS $$
DECLARE
    v_result wallet.operation_result := wallet.post(
        NULL, deposit.account_id, deposit.amount, outside => true);
BEGIN
    IF (v_result.refusal).sqlstate IS NOT NULL THEN
        PERFORM wallet.raise_refusal(v_result.refusal);
    END IF;
    RETURN v_result.transaction;
END
$$;

ALTER FUNCTION wallet.deposit(account_id bigint, amount numeric) OWNER TO wallet_owner;

COMMENT ON FUNCTION wallet.deposit(account_id bigint, amount numeric) IS 'Pays an amount into an account from outside, and returns the transaction. Refusals: WL002 invalid_amount, WL004 account_not_found, WL007 balance_limit_exceeded, WL008 account_frozen';

CREATE FUNCTION wallet.deposit(account_id bigint, amount numeric, idempotency_key text, actor text DEFAULT NULL::text, reference text DEFAULT NULL::text, metadata jsonb DEFAULT NULL::jsonb) RETURNS wallet.operation_result
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'wallet', 'pg_temp'
    AS $$
BEGIN
    IF deposit.idempotency_key IS NULL THEN
        RETURN wallet.post(
            NULL, deposit.account_id, deposit.amount, outside => true,
            actor => deposit.actor,
            reference => deposit.reference, metadata => deposit.metadata);
    END IF;
    RETURN wallet.run_keyed(ROW(
        'deposit', NULL, deposit.account_id, deposit.amount, deposit.idempotency_key,
        deposit.actor,
        deposit.reference, deposit.metadata));
END
$$;

ALTER FUNCTION wallet.deposit(account_id bigint, amount numeric, idempotency_key text, actor text, reference text, metadata jsonb) OWNER TO wallet_owner;

COMMENT ON FUNCTION wallet.deposit(account_id bigint, amount numeric, idempotency_key text, actor text, reference text, metadata jsonb) IS 'Pays an amount into an account from outside, and returns the transaction, once for each key. Refusals: 22023 for a bad key, WL002 invalid_amount, WL011 idempotency_key_reused; all others are part of the result';

REVOKE ALL ON FUNCTION wallet.deposit(account_id bigint, amount numeric) FROM PUBLIC;
GRANT ALL ON FUNCTION wallet.deposit(account_id bigint, amount numeric) TO wallet_app;

REVOKE ALL ON FUNCTION wallet.deposit(account_id bigint, amount numeric, idempotency_key text, actor text, reference text, metadata jsonb) FROM PUBLIC;
GRANT ALL ON FUNCTION wallet.deposit(account_id bigint, amount numeric, idempotency_key text, actor text, reference text, metadata jsonb) TO wallet_app;

-- Function wallet.describe_transaction

CREATE FUNCTION wallet.describe_transaction(id bigint) RETURNS wallet.transaction_detail
    LANGUAGE plpgsql STABLE SECURITY DEFINER
    SET search_path TO 'wallet', 'pg_temp'
    AS $$
DECLARE
    v_result wallet.transfer_result := wallet.get_transfer_result(describe_transaction.id);
    v_detail wallet.transaction_detail;
BEGIN
    SELECT v_result.id, v_result.source_account_id, v_result.target_account_id, v_result.amount,
           v_result.ctime, v_result.actor, v_result.state,
           (SELECT r.reverses FROM wallet.reversal r
            WHERE r.transaction_id = describe_transaction.id),
           (SELECT r.transaction_id FROM wallet.reversal r
            WHERE r.reverses = describe_transaction.id),
           CASE WHEN v_result.state = 'pending' THEN v_result.ctime
                ELSE (SELECT q.queued_at FROM wallet.queued_transfer q
                      WHERE q.id = describe_transaction.id) END,
           v_result.sqlstate, v_result.detail, n.reference::text, n.metadata::jsonb
    INTO v_detail
    FROM (VALUES (1)) AS one (row)
    LEFT JOIN wallet.transaction_annotation n ON n.transaction_id = describe_transaction.id;

    RETURN v_detail;
END
$$;

ALTER FUNCTION wallet.describe_transaction(id bigint) OWNER TO wallet_owner;

COMMENT ON FUNCTION wallet.describe_transaction(id bigint) IS 'Returns a transaction in its state, with when it was queued, its reversals and its annotation. Refusals: WL005 transaction_not_found';

REVOKE ALL ON FUNCTION wallet.describe_transaction(id bigint) FROM PUBLIC;
GRANT ALL ON FUNCTION wallet.describe_transaction(id bigint) TO wallet_app;
GRANT ALL ON FUNCTION wallet.describe_transaction(id bigint) TO wallet_reader;

-- Function wallet.enqueue_transfer

CREATE FUNCTION wallet.enqueue_transfer(source_account_id bigint, target_account_id bigint, amount numeric) RETURNS wallet.transfer_result
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'wallet', 'pg_temp'
    AS $$
DECLARE
    v_result wallet.operation_result := wallet.enqueue_transfer(
        enqueue_transfer.source_account_id, enqueue_transfer.target_account_id,
        enqueue_transfer.amount, NULL);
BEGIN
    IF (v_result.refusal).sqlstate IS NOT NULL THEN
        PERFORM wallet.raise_refusal(v_result.refusal);
    END IF;
    RETURN v_result.results[1];
END
$$;

ALTER FUNCTION wallet.enqueue_transfer(source_account_id bigint, target_account_id bigint, amount numeric) OWNER TO wallet_owner;

COMMENT ON FUNCTION wallet.enqueue_transfer(source_account_id bigint, target_account_id bigint, amount numeric) IS 'Puts a transfer into the queue, and returns it as pending, with the id that it will keep. Refusals: WL002 invalid_amount, WL003 same_account, WL004 account_not_found';

CREATE FUNCTION wallet.enqueue_transfer(source_account_id bigint, target_account_id bigint, amount numeric, idempotency_key text, actor text DEFAULT NULL::text, reference text DEFAULT NULL::text, metadata jsonb DEFAULT NULL::jsonb) RETURNS wallet.operation_result
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'wallet', 'pg_temp'
    AS $$
DECLARE
    v_refusal wallet.refusal;
    v_id bigint;
    v_result wallet.transfer_result;
BEGIN
    IF enqueue_transfer.idempotency_key IS NOT NULL THEN
        RETURN wallet.run_with_key(
            enqueue_transfer.idempotency_key, enqueue_transfer.actor, 'enqueue_transfer',
            jsonb_build_object(
                'source_account_id', enqueue_transfer.source_account_id,
                'target_account_id', enqueue_transfer.target_account_id,
                'amount', coalesce(
                    wallet.round_amount(enqueue_transfer.amount), enqueue_transfer.amount),
                'reference', enqueue_transfer.reference, 'metadata', enqueue_transfer.metadata));
    END IF;
    v_refusal := wallet.check_request(enqueue_transfer.source_account_id,
        enqueue_transfer.target_account_id, enqueue_transfer.amount);
    IF v_refusal.sqlstate IS NOT NULL THEN
        PERFORM wallet.raise_refusal(v_refusal);
    END IF;
    FOREACH v_id IN ARRAY ARRAY[enqueue_transfer.source_account_id,
                                enqueue_transfer.target_account_id] LOOP
        IF NOT EXISTS (SELECT FROM wallet.account a WHERE a.id = v_id) THEN
            RETURN ROW(false, NULL, NULL, NULL, wallet.refusal('WL004', v_id), NULL)
                ::wallet.operation_result;
        END IF;
    END LOOP;

    INSERT INTO wallet.pending_transfer AS p
        (source_account_id, target_account_id, amount, ctime, actor)
    VALUES (enqueue_transfer.source_account_id, enqueue_transfer.target_account_id,
            wallet.round_amount(enqueue_transfer.amount), clock_timestamp(),
            coalesce(enqueue_transfer.actor, session_user))
    RETURNING p.id, p.source_account_id, p.target_account_id, p.amount::numeric, p.ctime,
              NULL::bigint, NULL::bigint, NULL::numeric, NULL::numeric, p.actor::text, 'pending',
              NULL, NULL, NULL, NULL
    INTO v_result;

    IF enqueue_transfer.reference IS NOT NULL OR enqueue_transfer.metadata IS NOT NULL THEN
        PERFORM wallet.annotate(ARRAY[v_result.id], ARRAY[enqueue_transfer.reference],
                                ARRAY[enqueue_transfer.metadata]);
    END IF;
    RETURN ROW(false, NULL, NULL, ARRAY[v_result], NULL, NULL)::wallet.operation_result;
END
$$;

ALTER FUNCTION wallet.enqueue_transfer(source_account_id bigint, target_account_id bigint, amount numeric, idempotency_key text, actor text, reference text, metadata jsonb) OWNER TO wallet_owner;

COMMENT ON FUNCTION wallet.enqueue_transfer(source_account_id bigint, target_account_id bigint, amount numeric, idempotency_key text, actor text, reference text, metadata jsonb) IS 'Puts a transfer into the queue, and returns it as pending, with the id that it will keep, once for each key. Refusals: 22023 for a bad key, WL002 invalid_amount, WL003 same_account, WL011 idempotency_key_reused; all others are part of the result';

REVOKE ALL ON FUNCTION wallet.enqueue_transfer(source_account_id bigint, target_account_id bigint, amount numeric) FROM PUBLIC;
GRANT ALL ON FUNCTION wallet.enqueue_transfer(source_account_id bigint, target_account_id bigint, amount numeric) TO wallet_app;

REVOKE ALL ON FUNCTION wallet.enqueue_transfer(source_account_id bigint, target_account_id bigint, amount numeric, idempotency_key text, actor text, reference text, metadata jsonb) FROM PUBLIC;
GRANT ALL ON FUNCTION wallet.enqueue_transfer(source_account_id bigint, target_account_id bigint, amount numeric, idempotency_key text, actor text, reference text, metadata jsonb) TO wallet_app;

-- Function wallet.entry_at

CREATE FUNCTION wallet.entry_at(account_id bigint, at timestamp with time zone) RETURNS bigint
    LANGUAGE plpgsql STABLE
    AS $$
DECLARE
    -- The entry looked for is v_low or lies between v_low and v_high; entry 0 is the opening.
    v_low bigint := 0::bigint;
    v_high bigint := (
        SELECT a.entry_count::bigint FROM wallet.account a WHERE a.id = entry_at.account_id);
    v_middle bigint;
    v_ctime timestamptz;
BEGIN
    WHILE v_low < v_high LOOP
        v_middle := (v_low + v_high + 1) / 2;
        SELECT e.ctime INTO STRICT v_ctime
        FROM wallet.entry e
        WHERE e.account_id = entry_at.account_id AND e.entry = v_middle;
        IF v_ctime <= entry_at.at THEN
            v_low := v_middle;
        ELSE
            v_high := v_middle - 1;
        END IF;
    END LOOP;
    RETURN v_low;
END
$$;

ALTER FUNCTION wallet.entry_at(account_id bigint, at timestamp with time zone) OWNER TO wallet_owner;

COMMENT ON FUNCTION wallet.entry_at(account_id bigint, at timestamp with time zone) IS 'Returns the number of an account''s last entry up to a moment; 0 if there is none. Refusals: none';

REVOKE ALL ON FUNCTION wallet.entry_at(account_id bigint, at timestamp with time zone) FROM PUBLIC;

-- Function wallet.expire_holds

CREATE FUNCTION wallet.expire_holds(max_items integer) RETURNS bigint
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'wallet', 'pg_temp'
    AS $$
DECLARE
    v_now timestamptz := clock_timestamp();
    v_ids bigint[];
    v_expired bigint;
BEGIN
    IF (expire_holds.max_items >= 1) IS NOT TRUE THEN
        RAISE EXCEPTION USING ERRCODE = 'invalid_parameter_value', MESSAGE = 'invalid max_items',
            DETAIL = format('max_items is %s.', coalesce(max_items::text, 'NULL')),
            HINT = 'Give the most holds to end, 1 or more.';
    END IF;

    -- It waits for no lock, and so may take them in any order.
    v_ids := ARRAY(
        SELECT h.id FROM wallet.hold h JOIN wallet.account a ON a.id = h.account_id
        WHERE h.state = 'held' AND h.expires_at <= v_now
        ORDER BY h.expires_at LIMIT expire_holds.max_items
        FOR NO KEY UPDATE OF a SKIP LOCKED);

    -- A statement of its own, which sees the holds as they are once their accounts are locked.
    WITH expired AS (
        UPDATE wallet.hold h SET state = 'expired'
        WHERE h.id = ANY (v_ids) AND h.state = 'held'
        RETURNING h.account_id, h.amount - h.captured AS held
    ), freed AS (
        UPDATE wallet.account a SET held = a.held - e.held
        FROM (SELECT x.account_id, sum(x.held) FROM expired x GROUP BY x.account_id)
            AS e (account_id, held)
        WHERE a.id = e.account_id
    )
    SELECT count(*) INTO v_expired FROM expired x;
    RETURN v_expired;
END
$$;

ALTER FUNCTION wallet.expire_holds(max_items integer) OWNER TO wallet_owner;

COMMENT ON FUNCTION wallet.expire_holds(max_items integer) IS 'Ends holds that are due, the longest due first, at most `max_items`, and returns how many. Refusals: none of class WL; 22023 for max_items that is NULL or below 1';

REVOKE ALL ON FUNCTION wallet.expire_holds(max_items integer) FROM PUBLIC;
GRANT ALL ON FUNCTION wallet.expire_holds(max_items integer) TO wallet_app;

-- Function wallet.find_accounts

CREATE FUNCTION wallet.find_accounts(email text DEFAULT NULL::text, after bigint DEFAULT NULL::bigint, page_size integer DEFAULT 50, reference text DEFAULT NULL::text) RETURNS SETOF wallet.account
    LANGUAGE plpgsql STABLE SECURITY DEFINER
    SET search_path TO 'wallet', 'pg_temp'
    AS $$
BEGIN
    PERFORM wallet.check_page_size(find_accounts.page_size);

    IF find_accounts.reference IS NOT NULL THEN
        RETURN QUERY
        SELECT a.id, a.email, a.balance, a.ctime, a.mtime, a.entry_count, a.frozen,
               a.held, a.minimum, a.maximum
        FROM wallet.account_annotation n
        JOIN wallet.account a ON a.id = n.account_id
        WHERE n.reference = find_accounts.reference
          AND n.account_id > coalesce(find_accounts.after, 0)
          AND n.id = (SELECT max(m.id) FROM wallet.account_annotation m
                      WHERE m.account_id = n.account_id)
          AND (find_accounts.email IS NULL OR lower(a.email) = lower(find_accounts.email))
        ORDER BY n.account_id
        LIMIT find_accounts.page_size;
        RETURN;
    END IF;

    RETURN QUERY
    SELECT a.id, a.email, a.balance, a.ctime, a.mtime, a.entry_count, a.frozen,
           a.held, a.minimum, a.maximum
    FROM wallet.account a
    WHERE lower(a.email) = lower(find_accounts.email)
      AND a.id > coalesce(find_accounts.after, 0)
    ORDER BY a.id
    LIMIT find_accounts.page_size;
END
$$;

ALTER FUNCTION wallet.find_accounts(email text, after bigint, page_size integer, reference text) OWNER TO wallet_owner;

COMMENT ON FUNCTION wallet.find_accounts(email text, after bigint, page_size integer, reference text) IS 'Returns the accounts of an email address or a reference, the oldest first, in pages. Refusals: none of class WL; 22023 for a page_size that is not 1 to 1000';

REVOKE ALL ON FUNCTION wallet.find_accounts(email text, after bigint, page_size integer, reference text) FROM PUBLIC;
GRANT ALL ON FUNCTION wallet.find_accounts(email text, after bigint, page_size integer, reference text) TO wallet_app;
GRANT ALL ON FUNCTION wallet.find_accounts(email text, after bigint, page_size integer, reference text) TO wallet_reader;

-- Function wallet.find_transactions

CREATE FUNCTION wallet.find_transactions(reference text DEFAULT NULL::text, account_id bigint DEFAULT NULL::bigint, from_time timestamp with time zone DEFAULT NULL::timestamp with time zone, to_time timestamp with time zone DEFAULT NULL::timestamp with time zone, before bigint DEFAULT NULL::bigint, page_size integer DEFAULT 50) RETURNS SETOF wallet.transaction_detail
    LANGUAGE plpgsql STABLE SECURITY DEFINER
    SET search_path TO 'wallet', 'pg_temp'
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

ALTER FUNCTION wallet.find_transactions(reference text, account_id bigint, from_time timestamp with time zone, to_time timestamp with time zone, before bigint, page_size integer) OWNER TO wallet_owner;

COMMENT ON FUNCTION wallet.find_transactions(reference text, account_id bigint, from_time timestamp with time zone, to_time timestamp with time zone, before bigint, page_size integer) IS 'Returns a page of transactions, the newest first: those of a reference, an account, or all. Refusals: 22023 for a bad page size or period, WL004 account_not_found, WL005 transaction_not_found';

REVOKE ALL ON FUNCTION wallet.find_transactions(reference text, account_id bigint, from_time timestamp with time zone, to_time timestamp with time zone, before bigint, page_size integer) FROM PUBLIC;
GRANT ALL ON FUNCTION wallet.find_transactions(reference text, account_id bigint, from_time timestamp with time zone, to_time timestamp with time zone, before bigint, page_size integer) TO wallet_app;
GRANT ALL ON FUNCTION wallet.find_transactions(reference text, account_id bigint, from_time timestamp with time zone, to_time timestamp with time zone, before bigint, page_size integer) TO wallet_reader;

-- Function wallet.freeze_account

CREATE FUNCTION wallet.freeze_account(id bigint, actor text DEFAULT NULL::text) RETURNS wallet.account
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'wallet', 'pg_temp'
    AS $$
BEGIN
    UPDATE wallet.account a SET frozen = true
    WHERE a.id = freeze_account.id AND NOT a.frozen;
    IF FOUND THEN
        PERFORM wallet.log_event(freeze_account.actor, 'freeze_account',
                                 account_id => freeze_account.id);
    END IF;

    RETURN wallet.get_account(freeze_account.id);
END
$$;

ALTER FUNCTION wallet.freeze_account(id bigint, actor text) OWNER TO wallet_owner;

COMMENT ON FUNCTION wallet.freeze_account(id bigint, actor text) IS 'Keeps an account out of new transactions, and returns it. Refusals: WL004 account_not_found';

REVOKE ALL ON FUNCTION wallet.freeze_account(id bigint, actor text) FROM PUBLIC;
GRANT ALL ON FUNCTION wallet.freeze_account(id bigint, actor text) TO wallet_app;

-- Function wallet.get_account

CREATE FUNCTION wallet.get_account(id bigint) RETURNS wallet.account
    LANGUAGE plpgsql STABLE SECURITY DEFINER
    SET search_path TO 'wallet', 'pg_temp'
    AS $$
DECLARE
    v_account wallet.account;
BEGIN
    SELECT a.id, a.email, a.balance, a.ctime, a.mtime, a.entry_count, a.frozen,
           a.held, a.minimum, a.maximum
    INTO v_account
    FROM wallet.account a
    WHERE a.id = get_account.id;

    IF NOT FOUND THEN
        PERFORM wallet.raise_refusal(wallet.refusal('WL004', get_account.id));
    END IF;

    RETURN v_account;
END
$$;

ALTER FUNCTION wallet.get_account(id bigint) OWNER TO wallet_owner;

COMMENT ON FUNCTION wallet.get_account(id bigint) IS 'Returns an account as it is now. Refusals: WL004 account_not_found';

REVOKE ALL ON FUNCTION wallet.get_account(id bigint) FROM PUBLIC;
GRANT ALL ON FUNCTION wallet.get_account(id bigint) TO wallet_app;
GRANT ALL ON FUNCTION wallet.get_account(id bigint) TO wallet_reader;

-- Function wallet.get_account_waits

CREATE FUNCTION wallet.get_account_waits() RETURNS TABLE(account_id bigint, pid integer, role name, waiting interval, blocked_by integer[])
    LANGUAGE plpgsql STABLE SECURITY DEFINER
    SET search_path TO 'wallet', 'pg_temp'
    AS $$
BEGIN
    RETURN QUERY
    SELECT w.account_id, w.pid, w.role, w.waiting, w.blocked_by
    FROM wallet.account_wait w ORDER BY w.waiting DESC LIMIT 100;
END
$$;

ALTER FUNCTION wallet.get_account_waits() OWNER TO wallet_owner;

COMMENT ON FUNCTION wallet.get_account_waits() IS 'Returns the sessions that wait for an account, the longest wait first, and whom they wait for. Refusals: none';

REVOKE ALL ON FUNCTION wallet.get_account_waits() FROM PUBLIC;
GRANT ALL ON FUNCTION wallet.get_account_waits() TO wallet_app;
GRANT ALL ON FUNCTION wallet.get_account_waits() TO wallet_reader;

-- Function wallet.get_annotation

CREATE FUNCTION wallet.get_annotation(account_id bigint) RETURNS wallet.account_annotation
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'wallet', 'pg_temp'
    AS $$
DECLARE
    v_annotation wallet.account_annotation;
BEGIN
    SELECT n.account_id, n.id, n.reference, n.metadata, n.ctime, n.actor
    INTO v_annotation
    FROM wallet.account_annotation n
    WHERE n.account_id = get_annotation.account_id
    ORDER BY n.id DESC
    LIMIT 1;

    RETURN v_annotation;
END
$$;

ALTER FUNCTION wallet.get_annotation(account_id bigint) OWNER TO wallet_owner;

COMMENT ON FUNCTION wallet.get_annotation(account_id bigint) IS 'Returns an account''s reference and metadata, with who gave them when; or NULL, if it has none. Refusals: none';

REVOKE ALL ON FUNCTION wallet.get_annotation(account_id bigint) FROM PUBLIC;
GRANT ALL ON FUNCTION wallet.get_annotation(account_id bigint) TO wallet_app;
GRANT ALL ON FUNCTION wallet.get_annotation(account_id bigint) TO wallet_reader;

-- Function wallet.get_hold

CREATE FUNCTION wallet.get_hold(id bigint) RETURNS wallet.hold
    LANGUAGE plpgsql STABLE SECURITY DEFINER
    SET search_path TO 'wallet', 'pg_temp'
    AS $$
DECLARE
    v_hold wallet.hold;
BEGIN
    SELECT h.id, h.account_id, h.amount, h.captured, h.state, h.expires_at, h.ctime, h.actor
    INTO v_hold
    FROM wallet.hold h
    WHERE h.id = get_hold.id;

    IF NOT FOUND THEN
        PERFORM wallet.raise_refusal(wallet.refusal('WL016', get_hold.id));
    END IF;

    RETURN v_hold;
END
$$;

ALTER FUNCTION wallet.get_hold(id bigint) OWNER TO wallet_owner;

COMMENT ON FUNCTION wallet.get_hold(id bigint) IS 'Returns a hold as it is now. Refusals: WL016 hold_not_found';

REVOKE ALL ON FUNCTION wallet.get_hold(id bigint) FROM PUBLIC;
GRANT ALL ON FUNCTION wallet.get_hold(id bigint) TO wallet_app;
GRANT ALL ON FUNCTION wallet.get_hold(id bigint) TO wallet_reader;

-- Function wallet.get_holds

CREATE FUNCTION wallet.get_holds(account_id bigint, before bigint DEFAULT NULL::bigint, page_size integer DEFAULT 50) RETURNS SETOF wallet.hold
    LANGUAGE plpgsql STABLE SECURITY DEFINER
    SET search_path TO 'wallet', 'pg_temp'
    AS $$
BEGIN
    PERFORM wallet.check_page_size(get_holds.page_size);
    PERFORM wallet.get_account(get_holds.account_id);

    RETURN QUERY
    SELECT h.id, h.account_id, h.amount, h.captured, h.state, h.expires_at, h.ctime, h.actor
    FROM wallet.hold h
    WHERE h.account_id = get_holds.account_id
      AND (get_holds.before IS NULL OR h.id < get_holds.before)
    ORDER BY h.id DESC
    LIMIT get_holds.page_size;
END
$$;

ALTER FUNCTION wallet.get_holds(account_id bigint, before bigint, page_size integer) OWNER TO wallet_owner;

COMMENT ON FUNCTION wallet.get_holds(account_id bigint, before bigint, page_size integer) IS 'Returns a page of an account''s holds, the newest first. Refusals: 22023 for a page size that is not 1 to 1000, WL004 account_not_found';

REVOKE ALL ON FUNCTION wallet.get_holds(account_id bigint, before bigint, page_size integer) FROM PUBLIC;
GRANT ALL ON FUNCTION wallet.get_holds(account_id bigint, before bigint, page_size integer) TO wallet_app;
GRANT ALL ON FUNCTION wallet.get_holds(account_id bigint, before bigint, page_size integer) TO wallet_reader;

-- Function wallet.get_queue

CREATE FUNCTION wallet.get_queue(page_size integer DEFAULT 50) RETURNS TABLE(pending bigint, oldest timestamp with time zone, id bigint, source_account_id bigint, target_account_id bigint, amount numeric, ctime timestamp with time zone)
    LANGUAGE plpgsql STABLE SECURITY DEFINER
    SET search_path TO 'wallet', 'pg_temp'
    AS $$
BEGIN
    PERFORM wallet.check_page_size(get_queue.page_size);

    RETURN QUERY
    SELECT s.pending, s.oldest, q.id, q.source_account_id, q.target_account_id,
           q.amount::numeric, q.ctime
    FROM (
        SELECT count(*) AS pending, min(p.ctime) AS oldest FROM wallet.pending_transfer p
    ) s
    LEFT JOIN (
        SELECT p.id, p.source_account_id, p.target_account_id, p.amount, p.ctime
        FROM wallet.pending_transfer p ORDER BY p.id LIMIT get_queue.page_size
    ) q ON true
    ORDER BY q.id;
END
$$;

ALTER FUNCTION wallet.get_queue(page_size integer) OWNER TO wallet_owner;

COMMENT ON FUNCTION wallet.get_queue(page_size integer) IS 'Returns the first transfers of the queue, each with how many are pending and since when. Refusals: none of class WL; 22023 for a page_size that is not 1 to 1000';

REVOKE ALL ON FUNCTION wallet.get_queue(page_size integer) FROM PUBLIC;
GRANT ALL ON FUNCTION wallet.get_queue(page_size integer) TO wallet_app;
GRANT ALL ON FUNCTION wallet.get_queue(page_size integer) TO wallet_reader;

-- Function wallet.get_statement

CREATE FUNCTION wallet.get_statement(account_id bigint, before bigint DEFAULT NULL::bigint, page_size integer DEFAULT 50) RETURNS SETOF wallet.statement_line
    LANGUAGE plpgsql STABLE SECURITY DEFINER
    SET search_path TO 'wallet', 'pg_temp'
    AS $$
DECLARE
    v_account wallet.account;
    v_last bigint;
BEGIN
    PERFORM wallet.check_page_size(get_statement.page_size);
    v_account := wallet.get_account(get_statement.account_id);
    -- Bounded first, because `before` may be any bigint, and arithmetic on it could overflow.
    v_last := greatest(least(get_statement.before, v_account.entry_count + 1), 1) - 1;

    RETURN QUERY
    SELECT e.entry, e.transaction_id,
           CASE WHEN r.transaction_id IS NOT NULL THEN 'reversal'
                WHEN e.counterparty_account_id IS NULL AND e.amount > 0 THEN 'deposit'
                WHEN e.counterparty_account_id IS NULL THEN 'withdrawal'
                WHEN e.amount > 0 THEN 'transfer_in'
                ELSE 'transfer_out' END,
           e.counterparty_account_id, e.amount, e.balance, e.ctime
    FROM wallet.entry e
    LEFT JOIN wallet.reversal r ON r.transaction_id = e.transaction_id
    WHERE e.account_id = get_statement.account_id
      AND e.entry > v_last - get_statement.page_size
      AND e.entry <= v_last
    ORDER BY e.entry DESC;
END
$$;

ALTER FUNCTION wallet.get_statement(account_id bigint, before bigint, page_size integer) OWNER TO wallet_owner;

COMMENT ON FUNCTION wallet.get_statement(account_id bigint, before bigint, page_size integer) IS 'Returns a page of an account''s statement, the newest entry first. Refusals: 22023 for a page size that is not 1 to 1000, WL004 account_not_found';

REVOKE ALL ON FUNCTION wallet.get_statement(account_id bigint, before bigint, page_size integer) FROM PUBLIC;
GRANT ALL ON FUNCTION wallet.get_statement(account_id bigint, before bigint, page_size integer) TO wallet_app;
GRANT ALL ON FUNCTION wallet.get_statement(account_id bigint, before bigint, page_size integer) TO wallet_reader;

-- Function wallet.get_transaction

CREATE FUNCTION wallet.get_transaction(id bigint) RETURNS wallet.transaction
    LANGUAGE plpgsql STABLE SECURITY DEFINER
    SET search_path TO 'wallet', 'pg_temp'
    AS $$
DECLARE
    v_transaction wallet.transaction;
BEGIN
    SELECT t.id, t.source_account_id, t.target_account_id, t.ctime, t.source_entry,
           t.target_entry, t.amount, t.source_balance, t.target_balance, t.actor
    INTO v_transaction
    FROM wallet.transaction t
    WHERE t.id = get_transaction.id;

    IF NOT FOUND THEN
        PERFORM wallet.raise_refusal(wallet.refusal('WL005', get_transaction.id));
    END IF;

    RETURN v_transaction;
END
$$;

ALTER FUNCTION wallet.get_transaction(id bigint) OWNER TO wallet_owner;

COMMENT ON FUNCTION wallet.get_transaction(id bigint) IS 'Returns a transaction. Refusals: WL005 transaction_not_found';

REVOKE ALL ON FUNCTION wallet.get_transaction(id bigint) FROM PUBLIC;
GRANT ALL ON FUNCTION wallet.get_transaction(id bigint) TO wallet_app;
GRANT ALL ON FUNCTION wallet.get_transaction(id bigint) TO wallet_reader;

-- Function wallet.get_transfer_result

CREATE FUNCTION wallet.get_transfer_result(id bigint) RETURNS wallet.transfer_result
    LANGUAGE plpgsql STABLE SECURITY DEFINER
    SET search_path TO 'wallet', 'pg_temp'
    AS $$
DECLARE
    v_result wallet.transfer_result;
BEGIN
    SELECT t.id, t.source_account_id, t.target_account_id, t.amount::numeric, t.ctime,
           t.source_entry::bigint, t.target_entry::bigint, t.source_balance::numeric,
           t.target_balance::numeric, t.actor::text, 'succeeded', NULL, NULL, NULL, NULL
    INTO v_result
    FROM wallet.transaction t WHERE t.id = get_transfer_result.id;

    IF NOT FOUND THEN
        SELECT p.id, p.source_account_id, p.target_account_id, p.amount::numeric, p.ctime,
               NULL::bigint, NULL::bigint, NULL::numeric, NULL::numeric, p.actor::text, 'pending',
               NULL, NULL, NULL, NULL
        INTO v_result
        FROM wallet.pending_transfer p WHERE p.id = get_transfer_result.id
        UNION ALL
        SELECT f.id, f.source_account_id, f.target_account_id, f.amount::numeric, f.ctime, NULL,
               NULL, NULL, NULL, f.actor::text, 'failed', f.sqlstate, f.message, f.detail, f.hint
        FROM wallet.failed_transfer f WHERE f.id = get_transfer_result.id;
    END IF;

    IF NOT FOUND THEN
        PERFORM wallet.raise_refusal(wallet.refusal('WL005', get_transfer_result.id));
    END IF;

    RETURN v_result;
END
$$;

ALTER FUNCTION wallet.get_transfer_result(id bigint) OWNER TO wallet_owner;

COMMENT ON FUNCTION wallet.get_transfer_result(id bigint) IS 'Returns a transaction and its state: pending, succeeded or failed. Refusals: WL005 transaction_not_found';

REVOKE ALL ON FUNCTION wallet.get_transfer_result(id bigint) FROM PUBLIC;
GRANT ALL ON FUNCTION wallet.get_transfer_result(id bigint) TO wallet_app;
GRANT ALL ON FUNCTION wallet.get_transfer_result(id bigint) TO wallet_reader;

-- Function wallet.hash_request

CREATE FUNCTION wallet.hash_request(request wallet.group_request) RETURNS bytea
    LANGUAGE sql STABLE
    AS $$
SELECT substr(sha256(convert_to(ROW(
    (hash_request.request).operation, (hash_request.request).source_account_id,
    (hash_request.request).target_account_id, wallet.round_amount((hash_request.request).amount),
    (hash_request.request).reference, (hash_request.request).metadata)::text, 'UTF8')), 1, 16)
$$;

ALTER FUNCTION wallet.hash_request(request wallet.group_request) OWNER TO wallet_owner;

COMMENT ON FUNCTION wallet.hash_request(request wallet.group_request) IS 'Returns a hash of a request, as it is kept under an idempotency key. Refusals: none';

REVOKE ALL ON FUNCTION wallet.hash_request(request wallet.group_request) FROM PUBLIC;

-- Function wallet.hold

CREATE FUNCTION wallet.hold(account_id bigint, amount numeric, expires_in interval DEFAULT '7 days'::interval) RETURNS wallet.hold
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'wallet', 'pg_temp'
    AS $$
DECLARE
    v_result wallet.operation_result := wallet.hold(
        hold.account_id, hold.amount, hold.expires_in, NULL);
BEGIN
    IF (v_result.refusal).sqlstate IS NOT NULL THEN
        PERFORM wallet.raise_refusal(v_result.refusal);
    END IF;
    RETURN v_result.hold;
END
$$;

ALTER FUNCTION wallet.hold(account_id bigint, amount numeric, expires_in interval) OWNER TO wallet_owner;

COMMENT ON FUNCTION wallet.hold(account_id bigint, amount numeric, expires_in interval) IS 'Reserves an amount of an account''s money, and returns the hold. Refusals: 22023 for an expires_in that is not more than nothing and at most 366 days, WL002 invalid_amount, WL004 account_not_found, WL006 insufficient_funds, WL008 account_frozen';

CREATE FUNCTION wallet.hold(account_id bigint, amount numeric, expires_in interval, idempotency_key text, actor text DEFAULT NULL::text) RETURNS wallet.operation_result
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'wallet', 'pg_temp'
    AS $$
DECLARE
    v_amount numeric := wallet.round_amount(hold.amount);
    -- So a day has 24 hours in each time zone, and a month 30 days.
    v_seconds numeric := extract(epoch FROM hold.expires_in);
    v_account record;
    v_ctime timestamptz;
    v_result wallet.operation_result;
    v_hold wallet.hold;
BEGIN
    IF hold.idempotency_key IS NOT NULL THEN
        RETURN wallet.run_with_key(hold.idempotency_key, hold.actor, 'hold', jsonb_build_object(
            'account_id', hold.account_id, 'amount', coalesce(v_amount, hold.amount),
            'seconds', v_seconds));
    ELSIF (v_seconds > 0 AND v_seconds <= 366 * 86400) IS NOT TRUE THEN
        RAISE EXCEPTION USING ERRCODE = 'invalid_parameter_value', MESSAGE = 'invalid expires_in',
            DETAIL = format('expires_in is %s.', coalesce(hold.expires_in::text, 'NULL')),
            HINT = 'Give more than no time, and at most 366 days.';
    ELSIF v_amount IS NULL THEN
        PERFORM wallet.raise_refusal(wallet.refusal('WL002', amount => hold.amount));
    END IF;

    v_result.replayed := false;
    LOOP
        -- Locks it, unless check_accounts() would refuse it.
        UPDATE wallet.account a SET held = a.held + v_amount
        WHERE a.id = hold.account_id
            AND a.balance - a.held - v_amount >= a.minimum AND NOT a.frozen
        RETURNING a.mtime INTO v_ctime;
        EXIT WHEN FOUND;
        SELECT a.balance, a.held, a.minimum, a.frozen INTO v_account
        FROM wallet.account a WHERE a.id = hold.account_id FOR NO KEY UPDATE;
        v_result.refusal := wallet.check_accounts(
            v_amount, hold.account_id, v_account.balance, v_account.held, v_account.minimum,
            v_account.frozen, NULL, NULL, NULL, NULL, outside => hold.account_id IS NOT NULL);
        IF (v_result.refusal).sqlstate IS NOT NULL THEN
            RETURN v_result;
        END IF;
    END LOOP;

    v_ctime := greatest(clock_timestamp(), v_ctime);
    INSERT INTO wallet.hold AS h (account_id, amount, expires_at, ctime, actor)
    VALUES (hold.account_id, v_amount, v_ctime + make_interval(secs => v_seconds), v_ctime,
            coalesce(hold.actor, session_user))
    RETURNING h.id, h.account_id, h.amount, h.captured, h.state, h.expires_at, h.ctime, h.actor
    INTO v_hold;
    v_result.hold := v_hold;
    RETURN v_result;
END
$$;

ALTER FUNCTION wallet.hold(account_id bigint, amount numeric, expires_in interval, idempotency_key text, actor text) OWNER TO wallet_owner;

COMMENT ON FUNCTION wallet.hold(account_id bigint, amount numeric, expires_in interval, idempotency_key text, actor text) IS 'Reserves an amount of an account''s money, and returns the hold, once for each key. Refusals: 22023 for a bad key or expires_in, WL002 invalid_amount, WL011 idempotency_key_reused; all others are part of the result';

REVOKE ALL ON FUNCTION wallet.hold(account_id bigint, amount numeric, expires_in interval) FROM PUBLIC;
GRANT ALL ON FUNCTION wallet.hold(account_id bigint, amount numeric, expires_in interval) TO wallet_app;

REVOKE ALL ON FUNCTION wallet.hold(account_id bigint, amount numeric, expires_in interval, idempotency_key text, actor text) FROM PUBLIC;
GRANT ALL ON FUNCTION wallet.hold(account_id bigint, amount numeric, expires_in interval, idempotency_key text, actor text) TO wallet_app;

-- Function wallet.leave_out_locked

CREATE FUNCTION wallet.leave_out_locked(requests wallet.group_request[], claims wallet.claim[], ids bigint[]) RETURNS wallet.claim[]
    LANGUAGE plpgsql
    AS $$
DECLARE
    v_free bigint[];
    v_locked bigint[];
    v_claims wallet.claim[];
    v_actors text[];
    v_freed text[];
BEGIN
    v_free := ARRAY(
        SELECT a.id FROM wallet.account a WHERE a.id = ANY (leave_out_locked.ids)
        ORDER BY a.id FOR NO KEY UPDATE SKIP LOCKED);
    v_locked := ARRAY(
        SELECT a.id FROM wallet.account a
        WHERE a.id = ANY (leave_out_locked.ids) AND a.id <> ALL (v_free));

    v_claims := ARRAY(
        SELECT ROW(CASE WHEN l.id IS NULL THEN r.state ELSE 'locked' END, r.transaction_id, l.id)
               ::wallet.claim
        FROM unnest(leave_out_locked.requests, leave_out_locked.claims) WITH ORDINALITY AS r (
            operation, source_account_id, target_account_id, amount, idempotency_key, actor,
            reference, metadata, state, transaction_id, locked_account_id, place)
        LEFT JOIN LATERAL (
            SELECT min(u.id) FROM unnest(v_locked) AS u (id)
            WHERE u.id IN (r.source_account_id, r.target_account_id) AND r.state = 'run'
              AND (wallet.check_request(
                  r.source_account_id, r.target_account_id, r.amount)).sqlstate IS NULL
        ) AS l (id) ON true
        ORDER BY r.place);

    WITH freed AS (
        DELETE FROM wallet.idempotency_key k
        USING unnest(leave_out_locked.requests, v_claims) r
        WHERE r.locked_account_id IS NOT NULL
          AND k.actor = r.actor AND k.key = r.idempotency_key
          AND k.transaction_id = r.transaction_id
        RETURNING k.actor, k.key
    )
    SELECT array_agg(f.actor::text), array_agg(f.key::text) INTO v_actors, v_freed FROM freed f;
    RETURN ARRAY(
        SELECT ROW(CASE WHEN r.state IN ('replay', 'reused') AND EXISTS (
                   SELECT FROM unnest(v_actors, v_freed) AS f (actor, key)
                   WHERE f.actor = r.actor AND f.key = r.idempotency_key)
                   THEN 'locked' ELSE r.state END, r.transaction_id, r.locked_account_id)
               ::wallet.claim
        FROM unnest(leave_out_locked.requests, v_claims) WITH ORDINALITY AS r (
            operation, source_account_id, target_account_id, amount, idempotency_key, actor,
            reference, metadata, state, transaction_id, locked_account_id, place)
        ORDER BY r.place);
END
$$;

ALTER FUNCTION wallet.leave_out_locked(requests wallet.group_request[], claims wallet.claim[], ids bigint[]) OWNER TO wallet_owner;

COMMENT ON FUNCTION wallet.leave_out_locked(requests wallet.group_request[], claims wallet.claim[], ids bigint[]) IS 'Leaves the requests that need a locked account out of a group, and returns all claims anew. Refusals: none';

REVOKE ALL ON FUNCTION wallet.leave_out_locked(requests wallet.group_request[], claims wallet.claim[], ids bigint[]) FROM PUBLIC;

-- Function wallet.lock_accounts

CREATE FUNCTION wallet.lock_accounts(ids bigint[], wait integer DEFAULT NULL::integer) RETURNS wallet.account[]
    LANGUAGE plpgsql
    AS $$
DECLARE
    v_setting text := current_setting('lock_timeout');
    v_wait int := coalesce(
        lock_accounts.wait, (extract(epoch FROM v_setting::interval) * 1000)::int);
    v_deadline timestamptz := clock_timestamp() + v_wait * interval '1 millisecond';
    v_left int := v_wait;
    -- How long to wait for one account while others are held; NULL is not at all.
    v_moment int := CASE WHEN v_wait <= 20 THEN v_wait END;
    v_let_go wallet.refusal := ROW('55P03', 'locks are let go', '', '');
    v_locked bigint;
    v_accounts wallet.account[];
BEGIN
    LOOP
        IF v_moment IS NOT NULL THEN
            BEGIN
                PERFORM set_config('lock_timeout', least(v_left, v_moment)::text, true);
                -- An id never changes, so the order of the sort is the order of the locks. A row
                -- that was waited for is returned in its newest version.
                v_accounts := ARRAY(
                    SELECT ROW(a.id, a.email, a.balance, a.ctime, a.mtime, a.entry_count, a.frozen,
                               a.held, a.minimum, a.maximum)::wallet.account
                    FROM wallet.account a WHERE a.id = ANY (lock_accounts.ids)
                    ORDER BY a.id FOR NO KEY UPDATE);
                EXIT;
            EXCEPTION WHEN lock_not_available THEN NULL;
            END;
        END IF;
        v_moment := least(coalesce(2 * v_moment, 20), 80);

        -- Lock what is free. If that is not all, let go of it, and wait for the first locked one.
        BEGIN
            v_locked := (
                SELECT min(a.id) FROM wallet.account a
                WHERE a.id = ANY (lock_accounts.ids) AND a.id <> ALL (ARRAY(
                    SELECT f.id FROM wallet.account f WHERE f.id = ANY (lock_accounts.ids)
                    ORDER BY f.id FOR NO KEY UPDATE SKIP LOCKED)));
            IF v_locked IS NOT NULL THEN
                PERFORM wallet.raise_refusal(v_let_go);
            END IF;
        EXCEPTION WHEN lock_not_available THEN NULL;
        END;
        LOOP
            v_left := ceil(extract(epoch FROM v_deadline - clock_timestamp()) * 1000)::int;
            IF v_left <= 0 THEN
                RAISE EXCEPTION USING ERRCODE = 'lock_not_available', MESSAGE = 'account locked',
                    DETAIL = format('An account stayed locked for %s ms.', v_wait),
                    HINT = 'Try again later. wallet.account_wait shows who holds it.';
            END IF;
            EXIT WHEN v_locked IS NULL;
            -- Short turns: two waits for one row overrun the deadline by little.
            BEGIN
                PERFORM set_config(
                    'lock_timeout', least(v_left, greatest(v_wait / 16, 20))::text, true);
                PERFORM FROM wallet.account a WHERE a.id = v_locked FOR NO KEY UPDATE;
                v_locked := NULL;
                PERFORM wallet.raise_refusal(v_let_go);
            EXCEPTION WHEN lock_not_available THEN NULL;
            END;
        END LOOP;
    END LOOP;
    PERFORM set_config('lock_timeout', v_setting, true);
    RETURN v_accounts;
END
$$;

ALTER FUNCTION wallet.lock_accounts(ids bigint[], wait integer) OWNER TO wallet_owner;

COMMENT ON FUNCTION wallet.lock_accounts(ids bigint[], wait integer) IS 'Locks accounts by ascending id, and returns them as they are once locked. Refusals: none of class WL; 55P03 when it takes longer than `wait`';

REVOKE ALL ON FUNCTION wallet.lock_accounts(ids bigint[], wait integer) FROM PUBLIC;

-- Function wallet.log_event

CREATE FUNCTION wallet.log_event(actor text, event text, account_id bigint DEFAULT NULL::bigint, transaction_id bigint DEFAULT NULL::bigint, detail text DEFAULT NULL::text) RETURNS void
    LANGUAGE plpgsql
    AS $$
BEGIN
    INSERT INTO wallet.event_log (actor, event, account_id, transaction_id, detail)
    VALUES (coalesce(log_event.actor, session_user), log_event.event, log_event.account_id,
            log_event.transaction_id, log_event.detail);
END
$$;

ALTER FUNCTION wallet.log_event(actor text, event text, account_id bigint, transaction_id bigint, detail text) OWNER TO wallet_owner;

COMMENT ON FUNCTION wallet.log_event(actor text, event text, account_id bigint, transaction_id bigint, detail text) IS 'Writes to the event log what was done, and who asked for it. Refusals: none';

REVOKE ALL ON FUNCTION wallet.log_event(actor text, event text, account_id bigint, transaction_id bigint, detail text) FROM PUBLIC;

-- Function wallet.post

CREATE FUNCTION wallet.post(source_account_id bigint, target_account_id bigint, amount numeric, outside boolean, actor text DEFAULT NULL::text, id bigint DEFAULT NULL::bigint, hold_id bigint DEFAULT NULL::bigint, freed numeric DEFAULT NULL::numeric, reference text DEFAULT NULL::text, metadata jsonb DEFAULT NULL::jsonb) RETURNS wallet.operation_result
    LANGUAGE plpgsql
    AS $$
DECLARE
    v_amount numeric := wallet.round_amount(post.amount);
    v_source record;
    v_target record;
    v_refusal wallet.refusal := wallet.check_request(
        post.source_account_id, post.target_account_id, post.amount);
    v_transaction wallet.transaction;
BEGIN
    IF v_refusal.sqlstate IS NOT NULL THEN
        PERFORM wallet.raise_refusal(v_refusal);
    END IF;
    -- One row a statement, the lower id first. What is read here is locked, and therefore current.
    IF post.source_account_id < post.target_account_id THEN
        SELECT a.id, a.balance, a.held, a.minimum, a.entry_count, a.mtime, a.frozen INTO v_source
        FROM wallet.account a WHERE a.id = post.source_account_id FOR NO KEY UPDATE;
        SELECT a.id, a.balance, a.maximum, a.entry_count, a.mtime, a.frozen INTO v_target
        FROM wallet.account a WHERE a.id = post.target_account_id FOR NO KEY UPDATE;
    ELSE
        SELECT a.id, a.balance, a.maximum, a.entry_count, a.mtime, a.frozen INTO v_target
        FROM wallet.account a WHERE a.id = post.target_account_id FOR NO KEY UPDATE;
        SELECT a.id, a.balance, a.held, a.minimum, a.entry_count, a.mtime, a.frozen INTO v_source
        FROM wallet.account a WHERE a.id = post.source_account_id FOR NO KEY UPDATE;
    END IF;

    -- What is taken of a hold is there, whatever else is held.
    v_refusal := wallet.check_accounts(
        v_amount, post.source_account_id, v_source.balance,
        CASE WHEN post.freed IS NULL THEN v_source.held ELSE 0 END,
        v_source.minimum, v_source.frozen, post.target_account_id,
        v_target.balance, v_target.maximum, v_target.frozen, post.outside);
    IF v_refusal.sqlstate IS NOT NULL THEN
        RETURN ROW(false, NULL, NULL, NULL, v_refusal, NULL)::wallet.operation_result;
    ELSIF post.freed IS NOT NULL THEN
        IF NOT wallet.take_hold(post.hold_id, v_amount, post.freed) THEN
            RETURN NULL;
        END IF;
    END IF;
    INSERT INTO wallet.transaction AS t
        (id, source_account_id, target_account_id, ctime, source_entry, target_entry, amount,
         source_balance, target_balance, actor)
    OVERRIDING SYSTEM VALUE VALUES
        (coalesce(post.id, nextval('wallet.transaction_id_seq')), v_source.id, v_target.id,
         greatest(clock_timestamp(), v_source.mtime, v_target.mtime), v_source.entry_count + 1,
         v_target.entry_count + 1, v_amount, v_source.balance - v_amount,
         v_target.balance + v_amount, coalesce(post.actor, session_user))
    RETURNING t.id, t.source_account_id, t.target_account_id, t.ctime, t.source_entry,
        t.target_entry, t.amount, t.source_balance, t.target_balance, t.actor INTO v_transaction;

    -- One statement, since each prepares the table's rules anew. Only a capture pays for `held`.
    IF post.freed IS NULL THEN
        UPDATE wallet.account a
        SET balance = CASE a.id WHEN v_source.id THEN v_transaction.source_balance
                                ELSE v_transaction.target_balance END,
            entry_count = a.entry_count + 1, mtime = v_transaction.ctime
        WHERE a.id IN (v_source.id, v_target.id);
    ELSE
        UPDATE wallet.account a
        SET balance = CASE a.id WHEN v_source.id THEN v_transaction.source_balance
                                ELSE v_transaction.target_balance END,
            entry_count = a.entry_count + 1, mtime = v_transaction.ctime,
            held = CASE a.id WHEN v_source.id THEN a.held - post.freed ELSE a.held END
        WHERE a.id IN (v_source.id, v_target.id);
    END IF;
    IF post.reference IS NOT NULL OR post.metadata IS NOT NULL THEN
        PERFORM wallet.annotate(
            ARRAY[v_transaction.id], ARRAY[post.reference], ARRAY[post.metadata]);
    END IF;
    RETURN ROW(false, NULL, v_transaction, NULL, NULL, NULL)::wallet.operation_result;
END
$$;

ALTER FUNCTION wallet.post(source_account_id bigint, target_account_id bigint, amount numeric, outside boolean, actor text, id bigint, hold_id bigint, freed numeric, reference text, metadata jsonb) OWNER TO wallet_owner;

COMMENT ON FUNCTION wallet.post(source_account_id bigint, target_account_id bigint, amount numeric, outside boolean, actor text, id bigint, hold_id bigint, freed numeric, reference text, metadata jsonb) IS 'Moves an amount from a source to a target, and returns the transaction or why it is refused. Refusals: WL002 invalid_amount, WL003 same_account, WL004 account_not_found, WL006 insufficient_funds, WL007 balance_limit_exceeded, WL008 account_frozen';

REVOKE ALL ON FUNCTION wallet.post(source_account_id bigint, target_account_id bigint, amount numeric, outside boolean, actor text, id bigint, hold_id bigint, freed numeric, reference text, metadata jsonb) FROM PUBLIC;

-- Function wallet.process_pending

CREATE FUNCTION wallet.process_pending(max_items integer) RETURNS bigint
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'wallet', 'pg_temp'
    AS $$
DECLARE
    v_ids bigint[];
    v_actors text[];
    v_times timestamptz[];
    v_sources bigint[];
    v_targets bigint[];
    v_amounts numeric[];
    v_results wallet.transfer_result[];
BEGIN
    IF (process_pending.max_items >= 1) IS NOT TRUE THEN
        RAISE EXCEPTION USING ERRCODE = 'invalid_parameter_value', MESSAGE = 'invalid max_items',
            DETAIL = format('max_items is %s.', coalesce(max_items::text, 'NULL')),
            HINT = 'Give the most transfers to process, 1 or more.';
    END IF;
    -- A statement of its own, so that the next one sees what another call has committed.
    PERFORM FROM wallet.queue_lock l FOR NO KEY UPDATE;

    WITH oldest AS (
        DELETE FROM wallet.pending_transfer d
        WHERE d.id = ANY (ARRAY(
            SELECT p.id FROM wallet.pending_transfer p
            ORDER BY p.id LIMIT process_pending.max_items))
        RETURNING d.id, d.source_account_id, d.target_account_id, d.amount, d.ctime, d.actor
    )
    SELECT array_agg(o.id ORDER BY o.id), array_agg(o.actor::text ORDER BY o.id),
           array_agg(o.ctime ORDER BY o.id),
           array_agg(o.source_account_id ORDER BY o.id),
           array_agg(o.target_account_id ORDER BY o.id),
           array_agg(o.amount::numeric ORDER BY o.id)
    INTO v_ids, v_actors, v_times, v_sources, v_targets, v_amounts
    FROM oldest o;
    IF v_ids IS NULL THEN
        RETURN 0::bigint;
    END IF;

    v_results := wallet.decide_batch(
        wallet.lock_accounts(v_sources || v_targets),
        ARRAY(SELECT ROW(t.source, t.target, t.amount)::wallet.transfer_request
              FROM unnest(v_sources, v_targets, v_amounts) AS t (source, target, amount)),
        v_ids, outside => NULL, actors => v_actors);
    PERFORM wallet.write_batch(v_results);
    INSERT INTO wallet.failed_transfer
        (id, source_account_id, target_account_id, amount, ctime, sqlstate, message, detail, hint,
         actor)
    SELECT o.id, o.source_account_id, o.target_account_id, o.amount, o.ctime,
           o.sqlstate, o.message, o.detail, o.hint, o.actor
    FROM unnest(v_results) o WHERE o.state = 'failed';
    INSERT INTO wallet.queued_transfer (id, queued_at)
    SELECT q.id, q.queued_at FROM unnest(v_ids, v_times) AS q (id, queued_at);

    RETURN cardinality(v_results)::bigint;
END
$$;

ALTER FUNCTION wallet.process_pending(max_items integer) OWNER TO wallet_owner;

COMMENT ON FUNCTION wallet.process_pending(max_items integer) IS 'Makes the transfers that are pending, the oldest first, at most `max_items`; returns how many. Refusals: none of class WL; 22023 for max_items that is NULL or below 1';

REVOKE ALL ON FUNCTION wallet.process_pending(max_items integer) FROM PUBLIC;
GRANT ALL ON FUNCTION wallet.process_pending(max_items integer) TO wallet_app;

-- Function wallet.purge_idempotency_keys

CREATE FUNCTION wallet.purge_idempotency_keys(older_than interval) RETURNS bigint
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'wallet', 'pg_temp'
    AS $$
DECLARE
    v_now timestamptz := clock_timestamp();
    v_purged bigint;
BEGIN
    IF (purge_idempotency_keys.older_than >= interval '0') IS NOT TRUE THEN
        RAISE EXCEPTION USING ERRCODE = 'invalid_parameter_value', MESSAGE = 'invalid interval',
            DETAIL = format('The interval is %s.', coalesce(older_than::text, 'NULL')),
            HINT = 'Give an interval of 0 or more, such as ''30 days''.';
    END IF;

    DELETE FROM wallet.idempotency_key k
    WHERE k.ctime < v_now - purge_idempotency_keys.older_than;
    GET DIAGNOSTICS v_purged = ROW_COUNT;
    RETURN v_purged;
END
$$;

ALTER FUNCTION wallet.purge_idempotency_keys(older_than interval) OWNER TO wallet_owner;

COMMENT ON FUNCTION wallet.purge_idempotency_keys(older_than interval) IS 'Forgets the keys that were first used longer ago than an interval, and returns how many. Refusals: none of class WL; 22023 for an interval that is NULL or negative';

REVOKE ALL ON FUNCTION wallet.purge_idempotency_keys(older_than interval) FROM PUBLIC;

-- Function wallet.raise_refusal

CREATE FUNCTION wallet.raise_refusal(refusal wallet.refusal) RETURNS void
    LANGUAGE plpgsql
    AS $$
BEGIN
    RAISE EXCEPTION USING ERRCODE = (raise_refusal.refusal).sqlstate,
        MESSAGE = (raise_refusal.refusal).message, DETAIL = (raise_refusal.refusal).detail,
        HINT = (raise_refusal.refusal).hint;
END
$$;

ALTER FUNCTION wallet.raise_refusal(refusal wallet.refusal) OWNER TO wallet_owner;

COMMENT ON FUNCTION wallet.raise_refusal(refusal wallet.refusal) IS 'Raises a refusal: the one place that does. Refusals: the one that it is given';

REVOKE ALL ON FUNCTION wallet.raise_refusal(refusal wallet.refusal) FROM PUBLIC;

-- Function wallet.refresh_api_keys

CREATE FUNCTION wallet.refresh_api_keys(used bigint[]) RETURNS TABLE(id bigint, name text, hash bytea, scopes text[], expires_at timestamp with time zone)
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'wallet', 'pg_temp'
    AS $$
DECLARE
    v_today date := (clock_timestamp() AT TIME ZONE 'UTC')::date;
BEGIN
    IF used <> '{}' AND NOT current_setting('transaction_read_only')::boolean THEN
        UPDATE wallet.api_key k SET last_used_on = v_today
        WHERE k.id IN (
            SELECT u.id FROM wallet.api_key u
            WHERE u.id = ANY (refresh_api_keys.used) AND u.last_used_on IS DISTINCT FROM v_today
            FOR NO KEY UPDATE SKIP LOCKED
        );
    END IF;

    RETURN QUERY SELECT k.id, k.name, k.hash, k.scopes, k.expires_at
    FROM wallet.api_key k
    WHERE k.revoked_at IS NULL AND (k.expires_at > clock_timestamp()) IS NOT FALSE
    ORDER BY k.id
    LIMIT 1000;
END
$$;

ALTER FUNCTION wallet.refresh_api_keys(used bigint[]) OWNER TO wallet_owner;

COMMENT ON FUNCTION wallet.refresh_api_keys(used bigint[]) IS 'Returns the valid API keys as hashes, and records that some were used today. Refusals: none';

REVOKE ALL ON FUNCTION wallet.refresh_api_keys(used bigint[]) FROM PUBLIC;
GRANT ALL ON FUNCTION wallet.refresh_api_keys(used bigint[]) TO wallet_app;

-- Function wallet.refusal

CREATE FUNCTION wallet.refusal(sqlstate text, id bigint DEFAULT NULL::bigint, balance numeric DEFAULT NULL::numeric, amount numeric DEFAULT NULL::numeric, bound numeric DEFAULT NULL::numeric, held numeric DEFAULT NULL::numeric, state text DEFAULT NULL::text) RETURNS wallet.refusal
    LANGUAGE plpgsql IMMUTABLE
    AS $$
DECLARE
    v_id text := coalesce(refusal.id::text, 'NULL');
    v_amount text := coalesce(left(refusal.amount::text, 60), 'NULL');
BEGIN
    RETURN CASE refusal.sqlstate
        WHEN 'WL002' THEN ROW(refusal.sqlstate, 'invalid amount',
            format('The amount is %s.', v_amount),
            format('Give an amount that is 0.01 to %s once rounded to hundredths.',
                   wallet.max_amount()))::wallet.refusal
        WHEN 'WL003' THEN ROW(refusal.sqlstate, 'same account',
            format('Source and target are both account %s.', v_id),
            'Name two different accounts.')::wallet.refusal
        WHEN 'WL004' THEN ROW(refusal.sqlstate, 'account not found',
            format('There is no account %s.', v_id),
            'Check the id, or open an account first.')::wallet.refusal
        WHEN 'WL005' THEN ROW(refusal.sqlstate, 'transaction not found',
            format('There is no transaction %s.', v_id), 'Check the id.')::wallet.refusal
        WHEN 'WL006' THEN ROW(refusal.sqlstate, 'insufficient funds',
            CASE WHEN refusal.held = 0 AND refusal.bound = 0
                THEN format('Account %s holds %s, which is less than %s.',
                            v_id, refusal.balance, v_amount)
                ELSE format('Account %s holds %s, of which %s is held, and may fall to %s: '
                    '%s is available, which is less than %s.', v_id, refusal.balance, refusal.held,
                    refusal.bound, refusal.balance - refusal.held - refusal.bound, v_amount) END,
            'Move no more than the account holds, or pay in first.')::wallet.refusal
        WHEN 'WL007' THEN ROW(refusal.sqlstate, 'balance limit exceeded',
            format('Account %s holds %s; with %s more it would pass %s.',
                   v_id, refusal.balance, v_amount, refusal.bound),
            format('Move at most %s to this account.',
                   refusal.bound - refusal.balance))::wallet.refusal
        WHEN 'WL008' THEN ROW(refusal.sqlstate, 'account frozen',
            format('Account %s takes no part in new transactions.', v_id),
            'Name another account, or have this one unfrozen.')::wallet.refusal
        WHEN 'WL009' THEN ROW(refusal.sqlstate, 'already reversed',
            format('Transaction %s has been reversed already.', v_id),
            'Nothing is left to do.')::wallet.refusal
        WHEN 'WL010' THEN ROW(refusal.sqlstate, 'not reversible',
            format('Transaction %s is a reversal itself.', v_id),
            'Make a new transaction instead.')::wallet.refusal
        WHEN 'WL011' THEN ROW(refusal.sqlstate, 'idempotency key reused',
            'The key was used for another request.',
            'Use a new key for a new request.')::wallet.refusal
        WHEN 'WL012' THEN ROW(refusal.sqlstate, 'batch too large',
            format('The batch has %s transfers.', v_id), 'Give at most 10000.')::wallet.refusal
        WHEN 'WL013' THEN ROW(refusal.sqlstate, 'batch refused',
            format('Item %s was refused, and the batch is atomic: nothing was done.', v_id),
            'Leave that item out, or give a batch that is not atomic.')::wallet.refusal
        WHEN 'WL014' THEN ROW(refusal.sqlstate, 'cancelled',
            format('Transaction %s was cancelled while it was pending.', v_id),
            'Ask for the transfer again, if it is still wanted.')::wallet.refusal
        WHEN 'WL015' THEN ROW(refusal.sqlstate, 'not pending',
            format('Transaction %s has succeeded or failed already.', v_id),
            'Reverse it, if it succeeded and is to be taken back.')::wallet.refusal
        WHEN 'WL016' THEN ROW(refusal.sqlstate, 'hold not found',
            format('There is no hold %s.', v_id), 'Check the id.')::wallet.refusal
        WHEN 'WL017' THEN ROW(refusal.sqlstate, 'hold closed',
            format('Hold %s is %s.', v_id, refusal.state), 'Make a new hold.')::wallet.refusal
        WHEN 'WL018' THEN ROW(refusal.sqlstate, 'hold exceeded',
            format('Hold %s has %s left, which is less than %s.', v_id, refusal.balance, v_amount),
            'Capture no more than is left of it.')::wallet.refusal
        WHEN 'WL019' THEN ROW(refusal.sqlstate, 'limit in use',
            format('Account %s holds %s, of which %s is held: it is not within %s and %s.',
                   v_id, refusal.balance, refusal.held, v_amount, refusal.bound),
            'Give limits that the balance is within, or move money first.')::wallet.refusal
        WHEN 'WL020' THEN ROW(refusal.sqlstate, 'processing failed',
            format('Processing transaction %s raised an error several times.', v_id),
            'Ask for the transfer again once the cause is mended.')::wallet.refusal
    END;
END
$$;

ALTER FUNCTION wallet.refusal(sqlstate text, id bigint, balance numeric, amount numeric, bound numeric, held numeric, state text) OWNER TO wallet_owner;

COMMENT ON FUNCTION wallet.refusal(sqlstate text, id bigint, balance numeric, amount numeric, bound numeric, held numeric, state text) IS 'Returns the words of a refusal: SQLSTATE, fixed message, the data as its detail, what to do. Refusals: none';

REVOKE ALL ON FUNCTION wallet.refusal(sqlstate text, id bigint, balance numeric, amount numeric, bound numeric, held numeric, state text) FROM PUBLIC;

-- Function wallet.refuse_change

CREATE FUNCTION wallet.refuse_change() RETURNS trigger
    LANGUAGE plpgsql
    SET search_path TO 'wallet', 'pg_temp'
    AS $$
BEGIN
    IF current_setting('wallet.change_history', true) = 'on'
        AND (SELECT r.rolsuper FROM pg_roles r WHERE r.rolname = current_user)
    THEN
        RETURN NULL;
    END IF;

    RAISE EXCEPTION USING ERRCODE = 'insufficient_privilege',
        MESSAGE = format('%s on wallet.%s is refused', tg_op, tg_table_name),
        DETAIL = 'What is in the ledger is never changed or deleted.',
        HINT = 'Take a transaction back with wallet.reverse(). In an emergency, a superuser may '
            'first run SET LOCAL wallet.change_history = on.';
END
$$;

ALTER FUNCTION wallet.refuse_change() OWNER TO wallet_owner;

COMMENT ON FUNCTION wallet.refuse_change() IS 'Refuses UPDATE, DELETE and TRUNCATE of what is in the ledger. Refusals: none of class WL; 42501 insufficient_privilege';

REVOKE ALL ON FUNCTION wallet.refuse_change() FROM PUBLIC;

-- Function wallet.release

CREATE FUNCTION wallet.release(hold_id bigint) RETURNS wallet.hold
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'wallet', 'pg_temp'
    AS $$
DECLARE
    v_result wallet.operation_result := wallet.release(release.hold_id, NULL);
BEGIN
    IF (v_result.refusal).sqlstate IS NOT NULL THEN
        PERFORM wallet.raise_refusal(v_result.refusal);
    END IF;
    RETURN v_result.hold;
END
$$;

ALTER FUNCTION wallet.release(hold_id bigint) OWNER TO wallet_owner;

COMMENT ON FUNCTION wallet.release(hold_id bigint) IS 'Gives back what is left of a hold, and returns the hold. Refusals: WL016 hold_not_found, WL017 hold_closed';

CREATE FUNCTION wallet.release(hold_id bigint, idempotency_key text, actor text DEFAULT NULL::text) RETURNS wallet.operation_result
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'wallet', 'pg_temp'
    AS $$
DECLARE
    v_account_id bigint := (
        SELECT h.account_id FROM wallet.hold h WHERE h.id = release.hold_id);
    v_hold wallet.hold;
    v_result wallet.operation_result;
BEGIN
    IF release.idempotency_key IS NOT NULL THEN
        RETURN wallet.run_with_key(release.idempotency_key, release.actor, 'release',
                                   jsonb_build_object('hold_id', release.hold_id));
    END IF;

    v_result.replayed := false;
    PERFORM FROM wallet.account a WHERE a.id = v_account_id FOR NO KEY UPDATE;
    IF NOT FOUND THEN
        v_result.refusal := wallet.refusal('WL016', release.hold_id);
        RETURN v_result;
    END IF;

    -- On Citus it may lie on another node than its account, and be committed later.
    SELECT h.id, h.account_id, h.amount, h.captured, h.state, h.expires_at, h.ctime, h.actor
    INTO v_hold
    FROM wallet.hold h WHERE h.id = release.hold_id FOR NO KEY UPDATE;
    v_result.refusal := wallet.check_hold(v_hold, NULL);
    IF (v_result.refusal).sqlstate IS NULL THEN
        UPDATE wallet.hold h SET state = 'released' WHERE h.id = v_hold.id;
        UPDATE wallet.account a SET held = a.held - (v_hold.amount - v_hold.captured)
        WHERE a.id = v_hold.account_id;
        v_hold.state := 'released';
        v_result.hold := v_hold;
    END IF;
    RETURN v_result;
END
$$;

ALTER FUNCTION wallet.release(hold_id bigint, idempotency_key text, actor text) OWNER TO wallet_owner;

COMMENT ON FUNCTION wallet.release(hold_id bigint, idempotency_key text, actor text) IS 'Gives back what is left of a hold, and returns the hold, once for each key. Refusals: 22023 for a bad key, WL011 idempotency_key_reused; all others are part of the result';

REVOKE ALL ON FUNCTION wallet.release(hold_id bigint) FROM PUBLIC;
GRANT ALL ON FUNCTION wallet.release(hold_id bigint) TO wallet_app;

REVOKE ALL ON FUNCTION wallet.release(hold_id bigint, idempotency_key text, actor text) FROM PUBLIC;
GRANT ALL ON FUNCTION wallet.release(hold_id bigint, idempotency_key text, actor text) TO wallet_app;

-- Function wallet.replay_result

CREATE FUNCTION wallet.replay_result(known wallet.idempotency_key) RETURNS wallet.operation_result
    LANGUAGE plpgsql STABLE
    AS $$
DECLARE
    v_ids bigint[] := (replay_result.known).transaction_ids;
    v_made wallet.transfer_result[];
    v_result wallet.operation_result;
BEGIN
    v_result.replayed := true;
    v_result.refusal := (replay_result.known).refusal;
    v_result.results := (replay_result.known).results;
    v_result.hold := (replay_result.known).hold;
    IF (replay_result.known).transaction_id IS NOT NULL THEN
        v_result.transaction := wallet.get_transaction((replay_result.known).transaction_id);
    ELSIF (replay_result.known).account_id IS NOT NULL THEN
        SELECT ROW(a.id, a.email, 0.00, a.ctime, a.ctime, 0, false, 0.00, 0.00,
                   wallet.max_amount())::wallet.account
        INTO v_result.account
        FROM wallet.account a WHERE a.id = (replay_result.known).account_id;
    ELSIF v_ids IS NOT NULL THEN
        SELECT array_agg(ROW(t.id, t.source_account_id, t.target_account_id, t.amount, t.ctime,
                   t.source_entry, t.target_entry, t.source_balance, t.target_balance,
                   t.actor, 'succeeded', NULL, NULL, NULL, NULL)::wallet.transfer_result)
        INTO v_made FROM wallet.transaction t WHERE t.id = ANY (v_ids);
        -- The refused items are kept in their order, so the nth NULL is the nth of them.
        v_result.results := ARRAY(
            SELECT CASE WHEN i.id IS NULL THEN (replay_result.known).results[i.refused]
                ELSE m END
            FROM (
                SELECT u.id, u.place, count(*) FILTER (WHERE u.id IS NULL) OVER (ORDER BY u.place)
                FROM unnest(v_ids) WITH ORDINALITY AS u (id, place)
            ) AS i (id, place, refused)
            LEFT JOIN unnest(v_made) m ON m.id = i.id
            ORDER BY i.place);
    END IF;
    RETURN v_result;
END
$$;

ALTER FUNCTION wallet.replay_result(known wallet.idempotency_key) OWNER TO wallet_owner;

COMMENT ON FUNCTION wallet.replay_result(known wallet.idempotency_key) IS 'Returns the result that was kept under an idempotency key, as the first call returned it. Refusals: none';

REVOKE ALL ON FUNCTION wallet.replay_result(known wallet.idempotency_key) FROM PUBLIC;

-- Function wallet.reverse

CREATE FUNCTION wallet.reverse(transaction_id bigint) RETURNS wallet.transaction
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'wallet', 'pg_temp'
    AS $$
DECLARE
    v_result wallet.operation_result := wallet.reverse(reverse.transaction_id, NULL);
BEGIN
    IF (v_result.refusal).sqlstate IS NOT NULL THEN
        PERFORM wallet.raise_refusal(v_result.refusal);
    END IF;
    RETURN v_result.transaction;
END
$$;

ALTER FUNCTION wallet.reverse(transaction_id bigint) OWNER TO wallet_owner;

COMMENT ON FUNCTION wallet.reverse(transaction_id bigint) IS 'Moves the money of a transaction back, and returns the new transaction. Refusals: WL005 transaction_not_found, WL010 not_reversible, WL009 already_reversed, WL006 insufficient_funds, WL007 balance_limit_exceeded, WL008 account_frozen';

CREATE FUNCTION wallet.reverse(transaction_id bigint, idempotency_key text, actor text DEFAULT NULL::text, reference text DEFAULT NULL::text, metadata jsonb DEFAULT NULL::jsonb) RETURNS wallet.operation_result
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'wallet', 'pg_temp'
    AS $$
DECLARE
    v_reversed record;
    v_refusal wallet.refusal;
    v_result wallet.operation_result;
BEGIN
    IF reverse.idempotency_key IS NOT NULL THEN
        RETURN wallet.run_with_key(
            reverse.idempotency_key, reverse.actor, 'reverse', jsonb_build_object(
                'transaction_id', reverse.transaction_id,
                'reference', reverse.reference, 'metadata', reverse.metadata));
    END IF;

    SELECT t.id, t.source_account_id, t.target_account_id, t.amount INTO v_reversed
    FROM wallet.transaction t WHERE t.id = reverse.transaction_id;
    -- Locked before anything is decided, so that no other reversal comes in between.
    PERFORM wallet.lock_accounts(
        ARRAY[v_reversed.source_account_id, v_reversed.target_account_id]);
    IF v_reversed.id IS NULL THEN
        v_refusal := wallet.refusal('WL005', reverse.transaction_id);
    ELSIF EXISTS (SELECT FROM wallet.reversal r WHERE r.transaction_id = v_reversed.id) THEN
        v_refusal := wallet.refusal('WL010', v_reversed.id);
    ELSIF EXISTS (SELECT FROM wallet.reversal r WHERE r.reverses = v_reversed.id) THEN
        v_refusal := wallet.refusal('WL009', v_reversed.id);
    END IF;
    IF v_refusal.sqlstate IS NOT NULL THEN
        RETURN ROW(false, NULL, NULL, NULL, v_refusal, NULL)::wallet.operation_result;
    END IF;

    v_result := wallet.post(v_reversed.target_account_id, v_reversed.source_account_id,
                            v_reversed.amount, outside => true, actor => reverse.actor,
                            reference => reverse.reference, metadata => reverse.metadata);
    IF (v_result.refusal).sqlstate IS NULL THEN
        INSERT INTO wallet.reversal (transaction_id, reverses)
        VALUES ((v_result.transaction).id, v_reversed.id);
    END IF;
    RETURN v_result;
END
$$;

ALTER FUNCTION wallet.reverse(transaction_id bigint, idempotency_key text, actor text, reference text, metadata jsonb) OWNER TO wallet_owner;

COMMENT ON FUNCTION wallet.reverse(transaction_id bigint, idempotency_key text, actor text, reference text, metadata jsonb) IS 'Moves the money of a transaction back, and returns the new transaction, once for each key. Refusals: 22023 for a bad key, WL011 idempotency_key_reused; all others are part of the result';

REVOKE ALL ON FUNCTION wallet.reverse(transaction_id bigint) FROM PUBLIC;
GRANT ALL ON FUNCTION wallet.reverse(transaction_id bigint) TO wallet_app;

REVOKE ALL ON FUNCTION wallet.reverse(transaction_id bigint, idempotency_key text, actor text, reference text, metadata jsonb) FROM PUBLIC;
GRANT ALL ON FUNCTION wallet.reverse(transaction_id bigint, idempotency_key text, actor text, reference text, metadata jsonb) TO wallet_app;

-- Function wallet.revoke_api_key

CREATE FUNCTION wallet.revoke_api_key(id bigint) RETURNS timestamp with time zone
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'wallet', 'pg_temp'
    AS $$
DECLARE
    v_revoked_at timestamptz;
BEGIN
    UPDATE wallet.api_key k SET revoked_at = clock_timestamp()
    WHERE k.id = revoke_api_key.id AND k.revoked_at IS NULL;
    IF FOUND THEN
        PERFORM wallet.log_event(
            NULL, 'revoke_api_key',
            detail => (SELECT format('key %s of %s', k.id, k.name) FROM wallet.api_key k
                       WHERE k.id = revoke_api_key.id));
    END IF;

    SELECT k.revoked_at INTO v_revoked_at FROM wallet.api_key k WHERE k.id = revoke_api_key.id;
    IF NOT FOUND THEN
        RAISE EXCEPTION USING ERRCODE = 'invalid_parameter_value', MESSAGE = 'no such API key',
            DETAIL = format('The id is %s.', coalesce(revoke_api_key.id::text, 'NULL')),
            HINT = 'wallet.api_key_overview lists the keys.';
    END IF;

    RETURN v_revoked_at;
END
$$;

ALTER FUNCTION wallet.revoke_api_key(id bigint) OWNER TO wallet_owner;

COMMENT ON FUNCTION wallet.revoke_api_key(id bigint) IS 'Revokes an API key, and returns since when it is revoked. Refusals: none of class WL; 22023 for an id that no key has';

REVOKE ALL ON FUNCTION wallet.revoke_api_key(id bigint) FROM PUBLIC;

-- Function wallet.round_amount

CREATE FUNCTION wallet.round_amount(amount numeric) RETURNS numeric
    LANGUAGE sql IMMUTABLE
    AS $$
-- Compared as given: rounding can carry the longest numbers past what numeric holds. NaN and
-- Infinity sort above every number; NULL makes the comparison NULL.
SELECT CASE WHEN round_amount.amount >= 0.005 AND round_amount.amount < wallet.max_amount() + 0.005
    THEN round(round_amount.amount, 2) END
$$;

ALTER FUNCTION wallet.round_amount(amount numeric) OWNER TO wallet_owner;

COMMENT ON FUNCTION wallet.round_amount(amount numeric) IS 'Rounds an amount to hundredths, half away from zero; NULL unless that is 0.01 to 999999.99. Refusals: none';

REVOKE ALL ON FUNCTION wallet.round_amount(amount numeric) FROM PUBLIC;

-- Function wallet.run_group

CREATE FUNCTION wallet.run_group(requests wallet.group_request[], wait integer DEFAULT NULL::integer) RETURNS SETOF wallet.group_result
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'wallet', 'pg_temp'
    SET plan_cache_mode TO 'force_generic_plan'
    SET enable_seqscan TO 'off'
    AS $$
DECLARE
    v_began timestamptz := clock_timestamp();
    v_requests wallet.group_request[] := ARRAY(
        SELECT (r.operation, r.source_account_id, r.target_account_id, r.amount, r.idempotency_key,
            coalesce(r.actor, session_user), r.reference, r.metadata)::wallet.group_request
        FROM unnest(requests) r);
    v_claims wallet.claim[] := wallet.claim_keys(v_requests, run_group.wait);
    v_ids bigint[];
    v_accounts wallet.account[];
    v_run record;
    v_results wallet.transfer_result[];
BEGIN
    LOOP
        -- Refused arguments need no account.
        v_ids := ARRAY(
            SELECT i.id FROM unnest(v_requests, v_claims) r
            CROSS JOIN LATERAL (VALUES (r.source_account_id), (r.target_account_id)) AS i (id)
            WHERE r.state = 'run' AND (wallet.check_request(
                r.source_account_id, r.target_account_id, r.amount)).sqlstate IS NULL);
        BEGIN
            v_accounts := wallet.lock_accounts(v_ids, CASE WHEN run_group.wait > 0 THEN greatest(1,
                run_group.wait - (extract(epoch FROM clock_timestamp() - v_began) * 1000)::int)
                ELSE run_group.wait END);
            EXIT;
        EXCEPTION WHEN lock_not_available THEN
            -- The accounts of the requests that remain are locked after this.
            v_claims := wallet.leave_out_locked(v_requests, v_claims, v_ids);
        END;
    END LOOP;
    SELECT array_agg(r.transaction_id) AS ids, array_agg(r.operation <> 'transfer') AS outside,
           array_agg(ROW(r.source_account_id, r.target_account_id, r.amount)
                     ::wallet.transfer_request) AS transfers, array_agg(r.actor) AS actors,
           array_agg(r.reference) AS reference, array_agg(r.metadata) AS metadata
    INTO v_run FROM unnest(v_requests, v_claims) r WHERE r.state = 'run';
    v_results := wallet.decide_batch(
        v_accounts, v_run.transfers, v_run.ids, v_run.outside, v_run.actors);
    PERFORM wallet.write_batch(v_results, v_run.reference, v_run.metadata);
    IF EXISTS (SELECT FROM unnest(v_results) f WHERE f.state = 'failed') THEN
        -- What is refused made no transaction: its key keeps the refusal.
        UPDATE wallet.idempotency_key k
        SET transaction_id = NULL, refusal = ROW(f.sqlstate, f.message, f.detail, f.hint)
        FROM unnest(v_results) f JOIN unnest(v_requests, v_claims) r ON r.transaction_id = f.id
        WHERE f.state = 'failed' AND k.actor = r.actor AND k.key = r.idempotency_key
          AND k.transaction_id = f.id;
    END IF;

    RETURN QUERY
    SELECT r.state = 'replay',
           CASE WHEN f.state = 'succeeded' THEN ROW(f.id, f.source_account_id, f.target_account_id,
                   f.ctime, f.source_entry, f.target_entry, f.amount, f.source_balance,
                   f.target_balance, f.actor)::wallet.transaction
               ELSE (k.result).transaction END,
           CASE WHEN r.state = 'reused' THEN wallet.refusal('WL011') WHEN f.state = 'failed'
               THEN ROW(f.sqlstate, f.message, f.detail, f.hint)::wallet.refusal
               ELSE (k.result).refusal END,
           r.locked_account_id
    FROM (
        SELECT u.state, u.actor, u.idempotency_key, u.locked_account_id, u.ordinality,
               count(*) FILTER (WHERE u.state = 'run') OVER (ORDER BY u.ordinality) AS nth
        FROM unnest(v_requests, v_claims) WITH ORDINALITY u
    ) r
    LEFT JOIN unnest(v_results) WITH ORDINALITY f ON f.ordinality = r.nth AND r.state = 'run'
    -- A key that was claimed in this very group has its result by now.
    LEFT JOIN LATERAL (
        SELECT wallet.replay_result(u) FROM wallet.idempotency_key u
        WHERE u.actor = r.actor AND u.key = CASE r.state WHEN 'replay' THEN r.idempotency_key END
    ) AS k (result) ON true
    ORDER BY r.ordinality;
END
$$;

ALTER FUNCTION wallet.run_group(requests wallet.group_request[], wait integer) OWNER TO wallet_owner;

COMMENT ON FUNCTION wallet.run_group(requests wallet.group_request[], wait integer) IS 'Runs many requests as if one after another, and returns the result of each, in their order. Refusals: none of class WL; 22023 for a bad key, operation or annotation';

REVOKE ALL ON FUNCTION wallet.run_group(requests wallet.group_request[], wait integer) FROM PUBLIC;
GRANT ALL ON FUNCTION wallet.run_group(requests wallet.group_request[], wait integer) TO wallet_app;

-- Function wallet.run_keyed

CREATE FUNCTION wallet.run_keyed(request wallet.group_request) RETURNS wallet.operation_result
    LANGUAGE plpgsql
    AS $$
DECLARE
    v_request wallet.group_request := run_keyed.request;
    v_refusal wallet.refusal := wallet.check_request(
        v_request.source_account_id, v_request.target_account_id, v_request.amount);
    v_hash bytea := wallet.hash_request(v_request);
    v_id bigint;
    v_known wallet.idempotency_key;
    v_result wallet.operation_result;
BEGIN
    v_request.actor := coalesce(v_request.actor, session_user);
    PERFORM wallet.check_key(v_request.idempotency_key);
    IF v_refusal.sqlstate IS NULL THEN
        INSERT INTO wallet.idempotency_key AS k (actor, key, request_hash, transaction_id, ctime)
        VALUES (v_request.actor, v_request.idempotency_key, v_hash,
                nextval('wallet.transaction_id_seq'), clock_timestamp())
        ON CONFLICT DO NOTHING
        RETURNING k.transaction_id INTO v_id;
    END IF;

    IF v_id IS NULL THEN
        SELECT k.actor, k.key, k.request_hash, k.ctime, k.transaction_id, k.account_id,
               k.transaction_ids, k.results, k.refusal, k.hold
        INTO v_known
        FROM wallet.idempotency_key k
        WHERE k.actor = v_request.actor AND k.key = v_request.idempotency_key;
        IF FOUND AND v_known.request_hash <> v_hash THEN
            PERFORM wallet.raise_refusal(wallet.refusal('WL011'));
        ELSIF v_refusal.sqlstate IS NOT NULL THEN
            PERFORM wallet.raise_refusal(v_refusal);
        ELSIF NOT FOUND THEN
            -- Purged between the two statements: it is a new key again.
            RETURN wallet.run_keyed(v_request);
        END IF;
        RETURN wallet.replay_result(v_known);
    END IF;

    v_result := wallet.post(
        v_request.source_account_id, v_request.target_account_id, v_request.amount,
        v_request.operation <> 'transfer', v_request.actor, v_id,
        reference => v_request.reference, metadata => v_request.metadata);
    IF (v_result.refusal).sqlstate IS NOT NULL THEN
        UPDATE wallet.idempotency_key k SET transaction_id = NULL, refusal = v_result.refusal
        WHERE k.actor = v_request.actor AND k.key = v_request.idempotency_key;
    END IF;
    RETURN v_result;
END
$$;

ALTER FUNCTION wallet.run_keyed(request wallet.group_request) OWNER TO wallet_owner;

COMMENT ON FUNCTION wallet.run_keyed(request wallet.group_request) IS 'Runs one deposit, withdrawal or transfer, once for its idempotency key. Refusals: 22023 for a bad key, WL011 idempotency_key_reused, WL002 invalid_amount, WL003 same_account';

REVOKE ALL ON FUNCTION wallet.run_keyed(request wallet.group_request) FROM PUBLIC;

-- Function wallet.run_operation

CREATE FUNCTION wallet.run_operation(operation text, arguments jsonb, actor text) RETURNS wallet.operation_result
    LANGUAGE plpgsql
    AS $$
DECLARE
    v_source bigint := (run_operation.arguments ->> 'source_account_id')::bigint;
    v_target bigint := (run_operation.arguments ->> 'target_account_id')::bigint;
    v_account bigint := (run_operation.arguments ->> 'account_id')::bigint;
    v_hold bigint := (run_operation.arguments ->> 'hold_id')::bigint;
    v_amount numeric := (run_operation.arguments ->> 'amount')::numeric;
    v_reference text := run_operation.arguments ->> 'reference';
    v_metadata jsonb := nullif(run_operation.arguments -> 'metadata', 'null');
BEGIN
    CASE run_operation.operation
        WHEN 'create_account' THEN
            RETURN wallet.create_account(
                run_operation.arguments ->> 'email', NULL, run_operation.actor, v_reference,
                v_metadata);
        WHEN 'reverse' THEN
            RETURN wallet.reverse((run_operation.arguments ->> 'transaction_id')::bigint,
                                  NULL, run_operation.actor, v_reference, v_metadata);
        WHEN 'transfer_batch' THEN
            RETURN wallet.transfer_batch(
                ARRAY(SELECT r FROM jsonb_populate_recordset(
                    NULL::wallet.transfer_request, run_operation.arguments -> 'transfers') r),
                (run_operation.arguments ->> 'atomic')::boolean, NULL, run_operation.actor,
                ARRAY(SELECT r.reference FROM jsonb_array_elements_text(
                    nullif(run_operation.arguments -> 'reference', 'null')) AS r (reference)),
                ARRAY(SELECT nullif(m.metadata, 'null') FROM jsonb_array_elements(v_metadata)
                    AS m (metadata)));
        WHEN 'enqueue_transfer' THEN
            RETURN wallet.enqueue_transfer(
                v_source, v_target, v_amount, NULL, run_operation.actor, v_reference, v_metadata);
        WHEN 'transfer_or_enqueue' THEN
            RETURN wallet.transfer_or_enqueue(v_source, v_target, v_amount,
                (run_operation.arguments ->> 'wait')::numeric, NULL, run_operation.actor,
                v_reference, v_metadata);
        WHEN 'hold' THEN
            RETURN wallet.hold(v_account, v_amount,
                make_interval(secs => (run_operation.arguments ->> 'seconds')::float8),
                NULL, run_operation.actor);
        WHEN 'capture' THEN
            RETURN wallet.capture(v_hold, v_amount, v_target,
                (run_operation.arguments ->> 'final')::boolean, NULL, run_operation.actor,
                v_reference, v_metadata);
        WHEN 'release' THEN
            RETURN wallet.release(v_hold, NULL, run_operation.actor);
    END CASE;
    RETURN NULL;  -- Not reached: a CASE without a match raises.
END
$$;

ALTER FUNCTION wallet.run_operation(operation text, arguments jsonb, actor text) OWNER TO wallet_owner;

COMMENT ON FUNCTION wallet.run_operation(operation text, arguments jsonb, actor text) IS 'Runs an operation by its name, without an idempotency key, and returns its result. Refusals: WL001 invalid_email, WL002 invalid_amount, WL003 same_account, WL012 batch_too_large';

REVOKE ALL ON FUNCTION wallet.run_operation(operation text, arguments jsonb, actor text) FROM PUBLIC;

-- Function wallet.run_with_key

CREATE FUNCTION wallet.run_with_key(idempotency_key text, actor text, operation text, arguments jsonb) RETURNS wallet.operation_result
    LANGUAGE plpgsql
    AS $$
DECLARE
    v_actor text := coalesce(run_with_key.actor, session_user);
    -- What it is called with stands in the place of the metadata.
    v_hash bytea := wallet.hash_request(ROW(
        run_with_key.operation, NULL, NULL, NULL, NULL, NULL, NULL,
        run_with_key.arguments - 'wait'));
    v_known wallet.idempotency_key;
    v_result wallet.operation_result;
    v_results wallet.transfer_result[];
    v_is_batch boolean := run_with_key.operation = 'transfer_batch';
BEGIN
    PERFORM wallet.check_key(run_with_key.idempotency_key);

    INSERT INTO wallet.idempotency_key AS k (actor, key, request_hash, ctime)
    VALUES (v_actor, run_with_key.idempotency_key, v_hash, clock_timestamp())
    ON CONFLICT DO NOTHING;

    IF NOT FOUND THEN
        SELECT k.actor, k.key, k.request_hash, k.ctime, k.transaction_id, k.account_id,
               k.transaction_ids, k.results, k.refusal, k.hold
        INTO v_known
        FROM wallet.idempotency_key k
        WHERE k.actor = v_actor AND k.key = run_with_key.idempotency_key;
        IF NOT FOUND THEN
            -- Purged between the two statements: it is a new key again.
            RETURN wallet.run_with_key(run_with_key.idempotency_key, v_actor,
                                       run_with_key.operation, run_with_key.arguments);
        ELSIF v_known.request_hash <> v_hash THEN
            PERFORM wallet.raise_refusal(wallet.refusal('WL011'));
        END IF;
        RETURN wallet.replay_result(v_known);
    END IF;

    v_result := wallet.run_operation(run_with_key.operation, run_with_key.arguments, v_actor);
    v_results := v_result.results;
    IF v_is_batch THEN
        v_results := ARRAY(SELECT r FROM unnest(v_result.results) r WHERE r.state = 'failed');
    END IF;
    UPDATE wallet.idempotency_key k
    SET transaction_id = (v_result.transaction).id, account_id = (v_result.account).id,
        transaction_ids = CASE WHEN v_is_batch
            THEN ARRAY(SELECT r.id FROM unnest(v_result.results) r) END,
        results = v_results, refusal = v_result.refusal, hold = v_result.hold
    WHERE k.actor = v_actor AND k.key = run_with_key.idempotency_key;
    RETURN v_result;
END
$$;

ALTER FUNCTION wallet.run_with_key(idempotency_key text, actor text, operation text, arguments jsonb) OWNER TO wallet_owner;

COMMENT ON FUNCTION wallet.run_with_key(idempotency_key text, actor text, operation text, arguments jsonb) IS 'Runs an operation, unless its key has been used: then it returns the first result again. Refusals: 22023 for a bad key, WL011 idempotency_key_reused, WL001 invalid_email, WL002 invalid_amount, WL003 same_account, WL012 batch_too_large';

REVOKE ALL ON FUNCTION wallet.run_with_key(idempotency_key text, actor text, operation text, arguments jsonb) FROM PUBLIC;

-- Function wallet.set_aside_pending

CREATE FUNCTION wallet.set_aside_pending() RETURNS bigint
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'wallet', 'pg_temp'
    AS $$
DECLARE
    v_refusal wallet.refusal;
    v_pending record;
BEGIN
    -- Once this is held, the transfer that is oldest can only be cancelled.
    PERFORM FROM wallet.queue_lock l FOR NO KEY UPDATE;
    BEGIN
        PERFORM wallet.process_pending(1);
        -- Else a deferred trigger would raise its error at the commit.
        SET CONSTRAINTS ALL IMMEDIATE;
        RETURN NULL;
    EXCEPTION WHEN OTHERS THEN
        IF SQLSTATE ~ '^(25|40|53|55P03|57|58)' THEN
            RAISE;
        END IF;
    END;

    DELETE FROM wallet.pending_transfer d
    WHERE d.id = (SELECT min(p.id) FROM wallet.pending_transfer p)
    RETURNING d.id, d.source_account_id, d.target_account_id, d.amount, d.ctime, d.actor
    INTO v_pending;
    IF v_pending.id IS NOT NULL THEN
        v_refusal := wallet.refusal('WL020', v_pending.id);
        INSERT INTO wallet.failed_transfer
            (id, source_account_id, target_account_id, amount, ctime,
             sqlstate, message, detail, hint, actor)
        VALUES (v_pending.id, v_pending.source_account_id, v_pending.target_account_id,
                v_pending.amount, clock_timestamp(),
                v_refusal.sqlstate, v_refusal.message, v_refusal.detail, v_refusal.hint,
                v_pending.actor);
        INSERT INTO wallet.queued_transfer (id, queued_at)
        VALUES (v_pending.id, v_pending.ctime);
    END IF;

    RETURN v_pending.id;
END
$$;

ALTER FUNCTION wallet.set_aside_pending() OWNER TO wallet_owner;

COMMENT ON FUNCTION wallet.set_aside_pending() IS 'Processes the oldest pending transfer again; if that raises an error, the transfer has failed. Refusals: none';

REVOKE ALL ON FUNCTION wallet.set_aside_pending() FROM PUBLIC;
GRANT ALL ON FUNCTION wallet.set_aside_pending() TO wallet_app;

-- Function wallet.set_email

CREATE FUNCTION wallet.set_email(account_id bigint, email text, actor text DEFAULT NULL::text) RETURNS wallet.account
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'wallet', 'pg_temp'
    AS $$
BEGIN
    PERFORM wallet.check_email(set_email.email);

    UPDATE wallet.account a SET email = set_email.email WHERE a.id = set_email.account_id;
    IF FOUND THEN
        PERFORM wallet.log_event(set_email.actor, 'set_email', set_email.account_id);
    END IF;

    RETURN wallet.get_account(set_email.account_id);
END
$$;

ALTER FUNCTION wallet.set_email(account_id bigint, email text, actor text) OWNER TO wallet_owner;

COMMENT ON FUNCTION wallet.set_email(account_id bigint, email text, actor text) IS 'Gives an account another email address, and returns the account. Refusals: WL001 invalid_email, WL004 account_not_found';

REVOKE ALL ON FUNCTION wallet.set_email(account_id bigint, email text, actor text) FROM PUBLIC;
GRANT ALL ON FUNCTION wallet.set_email(account_id bigint, email text, actor text) TO wallet_app;

-- Function wallet.set_limits

CREATE FUNCTION wallet.set_limits(account_id bigint, minimum numeric, maximum numeric, actor text DEFAULT NULL::text) RETURNS wallet.account
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'wallet', 'pg_temp'
    AS $$
DECLARE
    v_largest numeric := wallet.max_amount();
    v_account wallet.account;
    v_minimum numeric;
    v_maximum numeric;
BEGIN
    -- Compared before they are rounded, since Infinity cannot be.
    IF NOT (coalesce(set_limits.minimum, 0) > -v_largest - 0.005
            AND coalesce(set_limits.minimum, 0) < v_largest + 0.005
            AND coalesce(set_limits.maximum, 0) > -v_largest - 0.005
            AND coalesce(set_limits.maximum, 0) < v_largest + 0.005)
    THEN
        PERFORM wallet.raise_refusal(ROW('WL002', 'invalid amount',
            format('The limits are %s and %s.',
                   coalesce(left(set_limits.minimum::text, 60), 'NULL'),
                   coalesce(left(set_limits.maximum::text, 60), 'NULL')),
            format('Give limits of -%s to %s.', v_largest, v_largest))::wallet.refusal);
    END IF;

    PERFORM FROM wallet.account a WHERE a.id = set_limits.account_id FOR NO KEY UPDATE;
    v_account := wallet.get_account(set_limits.account_id);
    v_minimum := coalesce(round(set_limits.minimum, 2), v_account.minimum);
    v_maximum := coalesce(round(set_limits.maximum, 2), v_account.maximum);
    IF v_account.balance - v_account.held < v_minimum OR v_account.balance > v_maximum THEN
        PERFORM wallet.raise_refusal(wallet.refusal(
            'WL019', v_account.id, v_account.balance, v_minimum, v_maximum, v_account.held));
    END IF;

    IF (v_minimum, v_maximum) <> (v_account.minimum, v_account.maximum) THEN
        UPDATE wallet.account a SET minimum = v_minimum, maximum = v_maximum
        WHERE a.id = v_account.id;
        INSERT INTO wallet.limit_change (account_id, entry, minimum, maximum, ctime, actor)
        VALUES (v_account.id, v_account.entry_count, v_minimum, v_maximum,
                greatest(clock_timestamp(), v_account.mtime),
                coalesce(set_limits.actor, session_user));
    END IF;

    RETURN wallet.get_account(v_account.id);
END
$$;

ALTER FUNCTION wallet.set_limits(account_id bigint, minimum numeric, maximum numeric, actor text) OWNER TO wallet_owner;

COMMENT ON FUNCTION wallet.set_limits(account_id bigint, minimum numeric, maximum numeric, actor text) IS 'Sets what an account''s balance may not fall below and not pass, and returns the account. Refusals: WL002 invalid_amount, WL004 account_not_found, WL019 limit_in_use';

REVOKE ALL ON FUNCTION wallet.set_limits(account_id bigint, minimum numeric, maximum numeric, actor text) FROM PUBLIC;
GRANT ALL ON FUNCTION wallet.set_limits(account_id bigint, minimum numeric, maximum numeric, actor text) TO wallet_app;

-- Function wallet.take_hold

CREATE FUNCTION wallet.take_hold(hold_id bigint, amount numeric, freed numeric) RETURNS boolean
    LANGUAGE plpgsql
    AS $$
DECLARE
    v_now timestamptz := clock_timestamp();
BEGIN
    UPDATE wallet.hold h
    SET captured = h.captured + take_hold.amount,
        state = CASE WHEN h.amount - h.captured = take_hold.freed THEN 'captured' ELSE 'held' END
    WHERE h.id = take_hold.hold_id AND h.state = 'held' AND h.expires_at > v_now
        AND h.amount - h.captured >= take_hold.freed;
    RETURN FOUND;
END
$$;

ALTER FUNCTION wallet.take_hold(hold_id bigint, amount numeric, freed numeric) OWNER TO wallet_owner;

COMMENT ON FUNCTION wallet.take_hold(hold_id bigint, amount numeric, freed numeric) IS 'Takes an amount of a hold, and returns whether it could: it is open, and as much is left of it. Refusals: none';

REVOKE ALL ON FUNCTION wallet.take_hold(hold_id bigint, amount numeric, freed numeric) FROM PUBLIC;

-- Function wallet.transfer

CREATE FUNCTION wallet.transfer(source_account_id bigint, target_account_id bigint, amount numeric) RETURNS wallet.transaction
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'wallet', 'pg_temp'
    AS $$
DECLARE
    v_result wallet.operation_result := wallet.post(
        transfer.source_account_id, transfer.target_account_id, transfer.amount, outside => false);
BEGIN
    IF (v_result.refusal).sqlstate IS NOT NULL THEN
        PERFORM wallet.raise_refusal(v_result.refusal);
    END IF;
    RETURN v_result.transaction;
END
$$;

ALTER FUNCTION wallet.transfer(source_account_id bigint, target_account_id bigint, amount numeric) OWNER TO wallet_owner;

COMMENT ON FUNCTION wallet.transfer(source_account_id bigint, target_account_id bigint, amount numeric) IS 'Moves an amount from one account to another, and returns the transaction. Refusals: WL002 invalid_amount, WL003 same_account, WL004 account_not_found, WL006 insufficient_funds, WL007 balance_limit_exceeded, WL008 account_frozen';

CREATE FUNCTION wallet.transfer(source_account_id bigint, target_account_id bigint, amount numeric, idempotency_key text, actor text DEFAULT NULL::text, reference text DEFAULT NULL::text, metadata jsonb DEFAULT NULL::jsonb) RETURNS wallet.operation_result
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'wallet', 'pg_temp'
    AS $$
BEGIN
    IF transfer.idempotency_key IS NULL THEN
        RETURN wallet.post(
            transfer.source_account_id, transfer.target_account_id, transfer.amount,
            outside => false, actor => transfer.actor,
            reference => transfer.reference, metadata => transfer.metadata);
    END IF;
    RETURN wallet.run_keyed(ROW(
        'transfer', transfer.source_account_id, transfer.target_account_id, transfer.amount,
        transfer.idempotency_key, transfer.actor,
        transfer.reference, transfer.metadata));
END
$$;

ALTER FUNCTION wallet.transfer(source_account_id bigint, target_account_id bigint, amount numeric, idempotency_key text, actor text, reference text, metadata jsonb) OWNER TO wallet_owner;

COMMENT ON FUNCTION wallet.transfer(source_account_id bigint, target_account_id bigint, amount numeric, idempotency_key text, actor text, reference text, metadata jsonb) IS 'Moves an amount from one account to another, and returns the transaction, once for each key. Refusals: 22023 for a bad key, WL002 invalid_amount, WL003 same_account, WL011 idempotency_key_reused; all others are part of the result';

REVOKE ALL ON FUNCTION wallet.transfer(source_account_id bigint, target_account_id bigint, amount numeric) FROM PUBLIC;
GRANT ALL ON FUNCTION wallet.transfer(source_account_id bigint, target_account_id bigint, amount numeric) TO wallet_app;

REVOKE ALL ON FUNCTION wallet.transfer(source_account_id bigint, target_account_id bigint, amount numeric, idempotency_key text, actor text, reference text, metadata jsonb) FROM PUBLIC;
GRANT ALL ON FUNCTION wallet.transfer(source_account_id bigint, target_account_id bigint, amount numeric, idempotency_key text, actor text, reference text, metadata jsonb) TO wallet_app;

-- Function wallet.transfer_batch

CREATE FUNCTION wallet.transfer_batch(transfers wallet.transfer_request[], atomic boolean) RETURNS SETOF wallet.transfer_result
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'wallet', 'pg_temp'
    AS $$
DECLARE
    v_result wallet.operation_result := wallet.transfer_batch(
        transfer_batch.transfers, transfer_batch.atomic, NULL);
BEGIN
    RETURN QUERY
    SELECT o.id, o.source_account_id, o.target_account_id, o.amount, o.ctime, o.source_entry,
        o.target_entry, o.source_balance, o.target_balance, o.actor, o.state,
        o.sqlstate, o.message, o.detail, o.hint
    FROM unnest(v_result.results) o;
END
$$;

ALTER FUNCTION wallet.transfer_batch(transfers wallet.transfer_request[], atomic boolean) OWNER TO wallet_owner;

COMMENT ON FUNCTION wallet.transfer_batch(transfers wallet.transfer_request[], atomic boolean) IS 'Makes many transfers, one after another, and returns the result of each, in their order. Refusals: WL012 batch_too_large';

CREATE FUNCTION wallet.transfer_batch(transfers wallet.transfer_request[], atomic boolean, idempotency_key text, actor text DEFAULT NULL::text, reference text[] DEFAULT NULL::text[], metadata jsonb[] DEFAULT NULL::jsonb[]) RETURNS wallet.operation_result
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'wallet', 'pg_temp'
    AS $$
DECLARE
    v_count int := coalesce(cardinality(transfer_batch.transfers), 0);
    v_refusal wallet.refusal;
    v_results wallet.transfer_result[];
    v_refused bigint;
BEGIN
    IF transfer_batch.idempotency_key IS NOT NULL THEN
        RETURN wallet.run_with_key(
            transfer_batch.idempotency_key, transfer_batch.actor, 'transfer_batch',
            jsonb_build_object(
                'transfers', to_jsonb(ARRAY(
                    SELECT ROW(r.source_account_id, r.target_account_id,
                               coalesce(wallet.round_amount(r.amount), r.amount))
                           ::wallet.transfer_request
                    FROM unnest(transfer_batch.transfers) r)),
                'atomic', transfer_batch.atomic,
                'reference', to_jsonb(transfer_batch.reference),
                'metadata', to_jsonb(transfer_batch.metadata)));
    ELSIF v_count > 10000 THEN
        PERFORM wallet.raise_refusal(wallet.refusal('WL012', v_count));
    END IF;

    v_results := wallet.decide_batch(
        wallet.lock_accounts(ARRAY(
            SELECT r.source_account_id FROM unnest(transfer_batch.transfers) r
            UNION SELECT r.target_account_id FROM unnest(transfer_batch.transfers) r)),
        transfer_batch.transfers, ids => NULL, outside => NULL,
        actors => array_fill(transfer_batch.actor, ARRAY[v_count]));

    IF transfer_batch.atomic IS NOT FALSE THEN
        SELECT min(o.item) INTO v_refused
        FROM (SELECT row_number() OVER () AS item, u.state FROM unnest(v_results) u) o
        WHERE o.state = 'failed';
    END IF;
    IF v_refused IS NOT NULL THEN
        v_refusal := wallet.refusal('WL013', v_refused);
        v_results := ARRAY(
            SELECT ROW(NULL, o.source_account_id, o.target_account_id, o.amount, o.ctime,
                NULL, NULL, NULL, NULL, o.actor, 'failed',
                coalesce(o.sqlstate, v_refusal.sqlstate),
                coalesce(o.message, v_refusal.message), coalesce(o.detail, v_refusal.detail),
                coalesce(o.hint, v_refusal.hint))::wallet.transfer_result
            FROM unnest(v_results) o);
    END IF;

    PERFORM wallet.write_batch(v_results, transfer_batch.reference, transfer_batch.metadata);
    RETURN ROW(false, NULL, NULL, v_results, NULL, NULL)::wallet.operation_result;
END
$$;

ALTER FUNCTION wallet.transfer_batch(transfers wallet.transfer_request[], atomic boolean, idempotency_key text, actor text, reference text[], metadata jsonb[]) OWNER TO wallet_owner;

COMMENT ON FUNCTION wallet.transfer_batch(transfers wallet.transfer_request[], atomic boolean, idempotency_key text, actor text, reference text[], metadata jsonb[]) IS 'Makes many transfers, one after another, and returns the result of each, in their order, once for each key. Refusals: 22023 for a bad key, WL011 idempotency_key_reused, WL012 batch_too_large';

REVOKE ALL ON FUNCTION wallet.transfer_batch(transfers wallet.transfer_request[], atomic boolean) FROM PUBLIC;
GRANT ALL ON FUNCTION wallet.transfer_batch(transfers wallet.transfer_request[], atomic boolean) TO wallet_app;

REVOKE ALL ON FUNCTION wallet.transfer_batch(transfers wallet.transfer_request[], atomic boolean, idempotency_key text, actor text, reference text[], metadata jsonb[]) FROM PUBLIC;
GRANT ALL ON FUNCTION wallet.transfer_batch(transfers wallet.transfer_request[], atomic boolean, idempotency_key text, actor text, reference text[], metadata jsonb[]) TO wallet_app;

-- Function wallet.transfer_or_enqueue

CREATE FUNCTION wallet.transfer_or_enqueue(source_account_id bigint, target_account_id bigint, amount numeric, wait numeric) RETURNS wallet.transfer_result
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'wallet', 'pg_temp'
    AS $$
DECLARE
    v_result wallet.operation_result := wallet.transfer_or_enqueue(
        transfer_or_enqueue.source_account_id, transfer_or_enqueue.target_account_id,
        transfer_or_enqueue.amount, transfer_or_enqueue.wait, NULL);
BEGIN
    IF (v_result.refusal).sqlstate IS NOT NULL THEN
        PERFORM wallet.raise_refusal(v_result.refusal);
    END IF;
    RETURN v_result.results[1];
END
$$;

ALTER FUNCTION wallet.transfer_or_enqueue(source_account_id bigint, target_account_id bigint, amount numeric, wait numeric) OWNER TO wallet_owner;

COMMENT ON FUNCTION wallet.transfer_or_enqueue(source_account_id bigint, target_account_id bigint, amount numeric, wait numeric) IS 'Makes a transfer if its accounts are free within `wait` seconds; if not, puts it into the queue. Refusals: 22023 for a wait that is not 0 to 3600, WL002 invalid_amount, WL003 same_account, WL004 account_not_found, WL006 insufficient_funds, WL007 balance_limit_exceeded, WL008 account_frozen';

CREATE FUNCTION wallet.transfer_or_enqueue(source_account_id bigint, target_account_id bigint, amount numeric, wait numeric, idempotency_key text, actor text DEFAULT NULL::text, reference text DEFAULT NULL::text, metadata jsonb DEFAULT NULL::jsonb) RETURNS wallet.operation_result
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'wallet', 'pg_temp'
    AS $$
DECLARE
    v_timeout int := (extract(epoch FROM current_setting('lock_timeout')::interval) * 1000)::int;
    v_wait int;
    v_cannot_wait boolean;
    v_result wallet.operation_result;
    v_made wallet.transaction;
BEGIN
    IF transfer_or_enqueue.idempotency_key IS NOT NULL THEN
        RETURN wallet.run_with_key(
            transfer_or_enqueue.idempotency_key, transfer_or_enqueue.actor, 'transfer_or_enqueue',
            jsonb_build_object(
                'source_account_id', transfer_or_enqueue.source_account_id,
                'target_account_id', transfer_or_enqueue.target_account_id,
                'amount', coalesce(
                    wallet.round_amount(transfer_or_enqueue.amount), transfer_or_enqueue.amount),
                'wait', trim_scale(transfer_or_enqueue.wait),
                'reference', transfer_or_enqueue.reference,
                'metadata', transfer_or_enqueue.metadata));
    ELSIF (transfer_or_enqueue.wait BETWEEN 0 AND 3600) IS NOT TRUE THEN
        RAISE EXCEPTION USING ERRCODE = 'invalid_parameter_value', MESSAGE = 'invalid wait',
            DETAIL = format('The wait is %s seconds.', coalesce(wait::text, 'NULL')),
            HINT = 'Give a wait of 0 to 3600 seconds.';
    END IF;

    v_wait := greatest(1, (1000 * transfer_or_enqueue.wait)::int);
    v_cannot_wait := v_timeout BETWEEN 1 AND least(20, v_wait - 1);
    BEGIN
        PERFORM wallet.lock_accounts(
            ARRAY[transfer_or_enqueue.source_account_id, transfer_or_enqueue.target_account_id],
            wait => CASE WHEN v_cannot_wait THEN v_timeout ELSE v_wait END);
        v_result := wallet.post(
            transfer_or_enqueue.source_account_id, transfer_or_enqueue.target_account_id,
            transfer_or_enqueue.amount, outside => false, actor => transfer_or_enqueue.actor,
            reference => transfer_or_enqueue.reference, metadata => transfer_or_enqueue.metadata);
    EXCEPTION WHEN lock_not_available THEN
        IF v_cannot_wait THEN
            RAISE;
        END IF;
        RETURN wallet.enqueue_transfer(
            transfer_or_enqueue.source_account_id, transfer_or_enqueue.target_account_id,
            transfer_or_enqueue.amount, NULL, transfer_or_enqueue.actor,
            transfer_or_enqueue.reference, transfer_or_enqueue.metadata);
    END;
    v_made := v_result.transaction;
    IF v_made.id IS NOT NULL THEN
        v_result := ROW(false, NULL, NULL, ARRAY[ROW(v_made.id, v_made.source_account_id,
            v_made.target_account_id, v_made.amount, v_made.ctime, v_made.source_entry,
            v_made.target_entry, v_made.source_balance, v_made.target_balance, v_made.actor,
            'succeeded', NULL, NULL, NULL, NULL)::wallet.transfer_result], NULL, NULL)
            ::wallet.operation_result;
    END IF;
    RETURN v_result;
END
$$;

ALTER FUNCTION wallet.transfer_or_enqueue(source_account_id bigint, target_account_id bigint, amount numeric, wait numeric, idempotency_key text, actor text, reference text, metadata jsonb) OWNER TO wallet_owner;

COMMENT ON FUNCTION wallet.transfer_or_enqueue(source_account_id bigint, target_account_id bigint, amount numeric, wait numeric, idempotency_key text, actor text, reference text, metadata jsonb) IS 'Makes a transfer if its accounts are free within `wait` seconds; if not, puts it into the queue; once for each key. Refusals: 22023 for a bad key or wait, WL002 invalid_amount, WL003 same_account, WL011 idempotency_key_reused; all others are part of the result';

REVOKE ALL ON FUNCTION wallet.transfer_or_enqueue(source_account_id bigint, target_account_id bigint, amount numeric, wait numeric) FROM PUBLIC;
GRANT ALL ON FUNCTION wallet.transfer_or_enqueue(source_account_id bigint, target_account_id bigint, amount numeric, wait numeric) TO wallet_app;

REVOKE ALL ON FUNCTION wallet.transfer_or_enqueue(source_account_id bigint, target_account_id bigint, amount numeric, wait numeric, idempotency_key text, actor text, reference text, metadata jsonb) FROM PUBLIC;
GRANT ALL ON FUNCTION wallet.transfer_or_enqueue(source_account_id bigint, target_account_id bigint, amount numeric, wait numeric, idempotency_key text, actor text, reference text, metadata jsonb) TO wallet_app;

-- Function wallet.unfreeze_account

CREATE FUNCTION wallet.unfreeze_account(id bigint, actor text DEFAULT NULL::text) RETURNS wallet.account
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'wallet', 'pg_temp'
    AS $$
BEGIN
    UPDATE wallet.account a SET frozen = false
    WHERE a.id = unfreeze_account.id AND a.frozen;
    IF FOUND THEN
        PERFORM wallet.log_event(unfreeze_account.actor, 'unfreeze_account',
                                 account_id => unfreeze_account.id);
    END IF;

    RETURN wallet.get_account(unfreeze_account.id);
END
$$;

ALTER FUNCTION wallet.unfreeze_account(id bigint, actor text) OWNER TO wallet_owner;

COMMENT ON FUNCTION wallet.unfreeze_account(id bigint, actor text) IS 'Lets an account take part in transactions again, and returns it. Refusals: WL004 account_not_found';

REVOKE ALL ON FUNCTION wallet.unfreeze_account(id bigint, actor text) FROM PUBLIC;
GRANT ALL ON FUNCTION wallet.unfreeze_account(id bigint, actor text) TO wallet_app;

-- Function wallet.version

CREATE FUNCTION wallet.version() RETURNS text
    LANGUAGE sql IMMUTABLE SECURITY DEFINER
    SET search_path TO 'wallet', 'pg_temp'
    AS $$
SELECT '0.5.0'
$$;

ALTER FUNCTION wallet.version() OWNER TO wallet_owner;

COMMENT ON FUNCTION wallet.version() IS 'Returns the version of the schema: that of the service that goes with it. Refusals: none';

REVOKE ALL ON FUNCTION wallet.version() FROM PUBLIC;
GRANT ALL ON FUNCTION wallet.version() TO wallet_app;
GRANT ALL ON FUNCTION wallet.version() TO wallet_reader;

-- Function wallet.withdraw

CREATE FUNCTION wallet.withdraw(account_id bigint, amount numeric) RETURNS wallet.transaction
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'wallet', 'pg_temp'
    AS $$
DECLARE
    v_result wallet.operation_result := wallet.post(
        withdraw.account_id, NULL, withdraw.amount, outside => true);
BEGIN
    IF (v_result.refusal).sqlstate IS NOT NULL THEN
        PERFORM wallet.raise_refusal(v_result.refusal);
    END IF;
    RETURN v_result.transaction;
END
$$;

ALTER FUNCTION wallet.withdraw(account_id bigint, amount numeric) OWNER TO wallet_owner;

COMMENT ON FUNCTION wallet.withdraw(account_id bigint, amount numeric) IS 'Pays an amount out of an account to outside, and returns the transaction. Refusals: WL002 invalid_amount, WL004 account_not_found, WL006 insufficient_funds, WL008 account_frozen';

CREATE FUNCTION wallet.withdraw(account_id bigint, amount numeric, idempotency_key text, actor text DEFAULT NULL::text, reference text DEFAULT NULL::text, metadata jsonb DEFAULT NULL::jsonb) RETURNS wallet.operation_result
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'wallet', 'pg_temp'
    AS $$
BEGIN
    IF withdraw.idempotency_key IS NULL THEN
        RETURN wallet.post(
            withdraw.account_id, NULL, withdraw.amount, outside => true,
            actor => withdraw.actor,
            reference => withdraw.reference, metadata => withdraw.metadata);
    END IF;
    RETURN wallet.run_keyed(ROW(
        'withdraw', withdraw.account_id, NULL, withdraw.amount, withdraw.idempotency_key,
        withdraw.actor,
        withdraw.reference, withdraw.metadata));
END
$$;

ALTER FUNCTION wallet.withdraw(account_id bigint, amount numeric, idempotency_key text, actor text, reference text, metadata jsonb) OWNER TO wallet_owner;

COMMENT ON FUNCTION wallet.withdraw(account_id bigint, amount numeric, idempotency_key text, actor text, reference text, metadata jsonb) IS 'Pays an amount out of an account to outside, and returns the transaction, once for each key. Refusals: 22023 for a bad key, WL002 invalid_amount, WL011 idempotency_key_reused; all others are part of the result';

REVOKE ALL ON FUNCTION wallet.withdraw(account_id bigint, amount numeric) FROM PUBLIC;
GRANT ALL ON FUNCTION wallet.withdraw(account_id bigint, amount numeric) TO wallet_app;

REVOKE ALL ON FUNCTION wallet.withdraw(account_id bigint, amount numeric, idempotency_key text, actor text, reference text, metadata jsonb) FROM PUBLIC;
GRANT ALL ON FUNCTION wallet.withdraw(account_id bigint, amount numeric, idempotency_key text, actor text, reference text, metadata jsonb) TO wallet_app;

-- Function wallet.write_batch

CREATE FUNCTION wallet.write_batch(results wallet.transfer_result[], reference text[] DEFAULT NULL::text[], metadata jsonb[] DEFAULT NULL::jsonb[]) RETURNS void
    LANGUAGE plpgsql
    SET plan_cache_mode TO 'force_generic_plan'
    SET enable_seqscan TO 'off'
    AS $$
BEGIN
    -- Each account gets the state after its last entry.
    UPDATE wallet.account a
    SET balance = e.balance, entry_count = e.entry, mtime = e.ctime
    FROM (
        SELECT DISTINCT ON (s.id) s.id, s.entry, s.balance, o.ctime
        FROM unnest(write_batch.results) o
        CROSS JOIN LATERAL (VALUES
            (o.source_account_id, o.source_entry, o.source_balance),
            (o.target_account_id, o.target_entry, o.target_balance)
        ) AS s (id, entry, balance)
        WHERE o.state = 'succeeded'
        ORDER BY s.id, s.entry DESC
    ) e
    WHERE a.id = e.id;

    INSERT INTO wallet.transaction
        (id, source_account_id, target_account_id, ctime, source_entry, target_entry,
         amount, source_balance, target_balance, actor)
    OVERRIDING SYSTEM VALUE
    SELECT o.id, o.source_account_id, o.target_account_id, o.ctime, o.source_entry,
           o.target_entry, o.amount, o.source_balance, o.target_balance, o.actor
    FROM unnest(write_batch.results) o
    WHERE o.state = 'succeeded';

    IF cardinality(array_remove(write_batch.reference, NULL)) > 0
        OR cardinality(array_remove(write_batch.metadata, NULL)) > 0
    THEN
        PERFORM wallet.annotate(
            ARRAY(SELECT CASE o.state WHEN 'succeeded' THEN o.id END
                  FROM unnest(write_batch.results) o),
            write_batch.reference, write_batch.metadata);
    END IF;
END
$$;

ALTER FUNCTION wallet.write_batch(results wallet.transfer_result[], reference text[], metadata jsonb[]) OWNER TO wallet_owner;

COMMENT ON FUNCTION wallet.write_batch(results wallet.transfer_result[], reference text[], metadata jsonb[]) IS 'Writes what wallet.decide_batch() decided: the transactions that succeeded, and their accounts. Refusals: none of class WL; 22023 for a bad annotation';

REVOKE ALL ON FUNCTION wallet.write_batch(results wallet.transfer_result[], reference text[], metadata jsonb[]) FROM PUBLIC;

-- Triggers

CREATE TRIGGER account_annotation_history BEFORE DELETE OR UPDATE OR TRUNCATE ON wallet.account_annotation FOR EACH STATEMENT EXECUTE FUNCTION wallet.refuse_change();

ALTER TABLE wallet.account_annotation ENABLE ALWAYS TRIGGER account_annotation_history;

CREATE TRIGGER account_history BEFORE DELETE OR TRUNCATE ON wallet.account FOR EACH STATEMENT EXECUTE FUNCTION wallet.refuse_change();

ALTER TABLE wallet.account ENABLE ALWAYS TRIGGER account_history;

CREATE TRIGGER event_log_history BEFORE DELETE OR UPDATE OR TRUNCATE ON wallet.event_log FOR EACH STATEMENT EXECUTE FUNCTION wallet.refuse_change();

ALTER TABLE wallet.event_log ENABLE ALWAYS TRIGGER event_log_history;

CREATE TRIGGER failed_transfer_history BEFORE DELETE OR UPDATE OR TRUNCATE ON wallet.failed_transfer FOR EACH STATEMENT EXECUTE FUNCTION wallet.refuse_change();

ALTER TABLE wallet.failed_transfer ENABLE ALWAYS TRIGGER failed_transfer_history;

CREATE TRIGGER hold_capture_history BEFORE DELETE OR UPDATE OR TRUNCATE ON wallet.hold_capture FOR EACH STATEMENT EXECUTE FUNCTION wallet.refuse_change();

ALTER TABLE wallet.hold_capture ENABLE ALWAYS TRIGGER hold_capture_history;

CREATE TRIGGER hold_history BEFORE DELETE OR TRUNCATE ON wallet.hold FOR EACH STATEMENT EXECUTE FUNCTION wallet.refuse_change();

ALTER TABLE wallet.hold ENABLE ALWAYS TRIGGER hold_history;

CREATE TRIGGER limit_change_history BEFORE DELETE OR UPDATE OR TRUNCATE ON wallet.limit_change FOR EACH STATEMENT EXECUTE FUNCTION wallet.refuse_change();

ALTER TABLE wallet.limit_change ENABLE ALWAYS TRIGGER limit_change_history;

CREATE TRIGGER queued_transfer_history BEFORE DELETE OR UPDATE OR TRUNCATE ON wallet.queued_transfer FOR EACH STATEMENT EXECUTE FUNCTION wallet.refuse_change();

ALTER TABLE wallet.queued_transfer ENABLE ALWAYS TRIGGER queued_transfer_history;

CREATE TRIGGER reversal_history BEFORE DELETE OR UPDATE OR TRUNCATE ON wallet.reversal FOR EACH STATEMENT EXECUTE FUNCTION wallet.refuse_change();

ALTER TABLE wallet.reversal ENABLE ALWAYS TRIGGER reversal_history;

CREATE TRIGGER transaction_annotation_history BEFORE DELETE OR UPDATE OR TRUNCATE ON wallet.transaction_annotation FOR EACH STATEMENT EXECUTE FUNCTION wallet.refuse_change();

ALTER TABLE wallet.transaction_annotation ENABLE ALWAYS TRIGGER transaction_annotation_history;

CREATE TRIGGER transaction_history BEFORE DELETE OR UPDATE OR TRUNCATE ON wallet.transaction FOR EACH STATEMENT EXECUTE FUNCTION wallet.refuse_change();

ALTER TABLE wallet.transaction ENABLE ALWAYS TRIGGER transaction_history;
