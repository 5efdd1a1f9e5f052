-- Returns a hash of a request, as it is kept under an idempotency key.
--
-- It is the first half of the SHA-256: 16 bytes tell requests apart, and a key takes less room.
-- Two requests are the same when they are written alike: amounts are rounded before they come
-- here. For the functions that take an idempotency_key; nobody else may execute it.
--
-- Locks: nothing.
-- Refusals: none.
--
--   SELECT wallet.hash_request('(transfer,1,2,5.00,,)');

BEGIN;

SET LOCAL ROLE wallet_owner;

CREATE OR REPLACE FUNCTION wallet.hash_request(request text)
RETURNS bytea
LANGUAGE sql
STABLE
AS $$
SELECT substr(sha256(convert_to(hash_request.request, 'UTF8')), 1, 16)
$$;

COMMENT ON FUNCTION wallet.hash_request(text) IS
    'Returns a hash of a request, as it is kept under an idempotency key. Refusals: none';

REVOKE ALL ON FUNCTION wallet.hash_request(text) FROM PUBLIC;

COMMIT;
