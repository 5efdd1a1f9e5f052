-- Returns a hash of a request, as it is kept under an idempotency key.
--
-- It is the first half of the SHA-256: 16 bytes tell requests apart, and a key takes less room.
-- Two requests are the same when they are written alike, once their amounts are rounded. Whose they
-- are and under which key is no part of it. For the functions that take an idempotency_key; nobody
-- else may execute it.
--
-- Locks: nothing.
-- Refusals: none.
--
--   SELECT wallet.hash_request('(transfer,1,2,5.00,k-1,ada,,)');

BEGIN;

SET LOCAL ROLE wallet_owner;

CREATE OR REPLACE FUNCTION wallet.hash_request(request wallet.group_request)
RETURNS bytea
LANGUAGE sql
STABLE
AS $$
SELECT substr(sha256(convert_to(ROW(
    (hash_request.request).operation, (hash_request.request).source_account_id,
    (hash_request.request).target_account_id, wallet.round_amount((hash_request.request).amount),
    (hash_request.request).reference, (hash_request.request).metadata)::text, 'UTF8')), 1, 16)
$$;

COMMENT ON FUNCTION wallet.hash_request(wallet.group_request) IS
    'Returns a hash of a request, as it is kept under an idempotency key. Refusals: none';

REVOKE ALL ON FUNCTION wallet.hash_request(wallet.group_request) FROM PUBLIC;

COMMIT;
