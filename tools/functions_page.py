"""docs/functions.md, made from the COMMENTs of what Sqitch deploys."""

from __future__ import annotations

import os
import subprocess

from tools.embedded import CHECKOUT

PATH = CHECKOUT / "docs/functions.md"

_PAGE = """# Functions and views

<!-- Written by `make docs` from the COMMENTs in sql/functions/ and deploy/views.sql. -->

Everything is in schema `wallet`. In psql, `\\df+ wallet.*` and `\\dv+ wallet.*` say the same.

`create_account`, `deposit`, `withdraw`, `transfer`, `reverse`, `transfer_batch`, `enqueue_transfer`
and `transfer_or_enqueue` have a full form too. It takes an `idempotency_key`, which may be NULL,
and the `actor` who asked; NULL is `session_user`. It returns a `wallet.operation_result`:
`replayed`, and the `account`, the `transaction`, the `results` or the `refusal`. There, a refusal
that depends on the ledger is a result and not an error, because an error would also undo the row
that remembers the key. [errors.md](errors.md) explains the refusals.

## Functions
{functions}
The other functions in the schema are parts of these.

## Views

`wallet_reader` may read them.

| view | |
| --- | --- |
{views}"""
# In the order in which the plan makes them.
_FUNCTIONS = """
    SELECT format(
        E'%s\\n```sql\\nwallet.%s(%s) RETURNS %s\\n```\\n\\n%s.\\n\\nExecuted by %s.',
        CASE WHEN 'idempotency_key' = ANY (p.proargnames) THEN ''
             ELSE format(E'\\n### %s\\n', p.proname) END,
        p.proname, pg_get_function_arguments(p.oid), pg_get_function_result(p.oid),
        obj_description(p.oid, 'pg_proc'),
        coalesce((SELECT string_agg('`' || r.name || '`', ' and ' ORDER BY r.name)
                  FROM unnest(ARRAY['wallet_app', 'wallet_reader']) AS r (name)
                  WHERE has_function_privilege(r.name, p.oid, 'EXECUTE')),
                 'superusers, until it is granted to somebody')
    )
    FROM pg_proc p
    WHERE p.pronamespace = 'wallet'::regnamespace
      AND (p.prosecdef OR has_function_privilege('wallet_app', p.oid, 'EXECUTE'))
    ORDER BY p.oid
"""
_VIEWS = """
    SELECT format('| `wallet.%s` | %s |', c.relname, obj_description(c.oid, 'pg_class'))
    FROM pg_class c
    WHERE c.relnamespace = 'wallet'::regnamespace AND c.relkind = 'v'
    ORDER BY c.oid
"""


def page(environ: dict[str, str]) -> str:
    """The page for the database that libpq's variables in `environ` name."""
    functions, views = (
        subprocess.check_output(
            ["psql", "-XAtq", "-c", query], env={**os.environ, **environ}, text=True
        )
        for query in (_FUNCTIONS, _VIEWS)
    )
    return _PAGE.format(functions=functions, views=views)
