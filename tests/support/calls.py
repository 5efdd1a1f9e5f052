"""Calls of wallet functions on a connection, and what the whole ledger holds.

A call names its function and gives the arguments: call(app, "transfer", 1, 2, "5.00"). Where a
function's name is not enough, a statement may stand in its place.
"""

from __future__ import annotations

from collections.abc import Iterable
from decimal import Decimal
from typing import Any, NamedTuple

import psycopg
import pytest
from psycopg.errors import Diagnostic
from psycopg.rows import DictRow

Connection = psycopg.Connection[DictRow]

Request = tuple[int | None, int | None, Decimal | str | int | None]
"""What a transfer is asked for with: the source's id, the target's, the amount."""

GroupRequest = tuple[str | None, int | None, int | None, Decimal | str | int | None, str | None]
"""What a request of a group has: operation, source's id, target's id, amount, key."""

REFUSAL = ("sqlstate", "message", "detail", "hint")

TABLES = {
    "account": "id",
    "transaction": "id",
    "reversal": "transaction_id",
    "pending_transfer": "id",
    "failed_transfer": "id",
    "idempotency_key": "actor, key",
    "event_log": "id",
    "hold": "id",
    "hold_capture": "hold_id, transaction_id",
    "limit_change": "id",
    "queued_transfer": "id",
    "transaction_annotation": "transaction_id",
    "account_annotation": "id",
}
"""Each table, and what its rows are ordered by."""


class Ledger(NamedTuple):
    """Every row of every table, in the order of ids."""

    accounts: list[DictRow]
    transactions: list[DictRow]
    reversals: list[DictRow]
    pending: list[DictRow]
    failed: list[DictRow]
    keys: list[DictRow]
    events: list[DictRow]
    holds: list[DictRow]
    captures: list[DictRow]
    limits: list[DictRow]
    queued: list[DictRow]
    transaction_annotations: list[DictRow]
    account_annotations: list[DictRow]


def batch(requests: Iterable[Request]) -> list[str]:
    """Requests as transfer_batch() takes them: '(1,2,5.00)', and nothing in place of NULL."""
    return [
        f"({','.join('' if part is None else str(part) for part in request)})"
        for request in requests
    ]


def expression(function: str, arguments: tuple[object, ...]) -> str:
    """A function's call with a placeholder for each argument."""
    places = ["%s"] * len(arguments)
    if function.endswith("_batch"):
        places[0] = "%s::wallet.transfer_request[]"
    schema = "" if "." in function else "wallet."
    return f"{schema}{function}({', '.join(places)})"


def execute(
    connection: Connection, what: str, *arguments: object, prepare: bool | None = None
) -> psycopg.Cursor[DictRow]:
    """Call a function, or run a statement: `what` is either."""
    statement = what if " " in what else f"SELECT * FROM {expression(what, arguments)}"
    return connection.execute(statement, arguments or None, prepare=prepare)


def rows(connection: Connection, what: str, *arguments: object) -> list[dict[str, Any]]:
    """All that a call returns."""
    return execute(connection, what, *arguments).fetchall()


def call(connection: Connection, what: str, *arguments: object) -> dict[str, Any]:
    """The one row that a call returns."""
    (row,) = rows(connection, what, *arguments)
    return row


def value(connection: Connection, what: str, *arguments: object) -> Any:
    """The one value that a call returns."""
    (value,) = call(connection, what, *arguments).values()
    return value


def answer(connection: Connection, what: str, *arguments: object) -> dict[str, Any] | str:
    """The one row that a call returns, or the SQLSTATE that it is refused with."""
    try:
        return call(connection, what, *arguments)
    except psycopg.Error as error:
        if error.sqlstate is None:
            raise
        return error.sqlstate


def refusal(connection: Connection, what: str, *arguments: object) -> Diagnostic:
    """What PostgreSQL says to a call that it must refuse."""
    with pytest.raises(psycopg.Error) as caught:
        execute(connection, what, *arguments)
    return caught.value.diag


def said(diagnostic: Diagnostic) -> dict[str, str | None]:
    """An error's SQLSTATE and words, under the names that a result has for them."""
    d = diagnostic
    words = (d.sqlstate, d.message_primary, d.message_detail, d.message_hint)
    return dict(zip(REFUSAL, words, strict=True))


def keyed(connection: Connection, function: str, *arguments: object) -> dict[str, Any]:
    """The result of a full form, which takes a key. What it does not hold is None."""
    return call(
        connection,
        "SELECT a.replayed, to_jsonb(a.account) AS account, to_jsonb(a.transaction) AS transaction,"
        " to_jsonb(a.results) AS results, to_jsonb(a.hold) AS hold, (a.refusal).sqlstate,"
        " (a.refusal).message, (a.refusal).detail, (a.refusal).hint"
        f" FROM {expression(function, arguments)} a",
        *arguments,
    )


def run_group(
    connection: Connection,
    requests: Iterable[GroupRequest],
    wait: int | None = None,
    actor: str = "",
) -> list[dict[str, Any]]:
    """The results of a group, with the members of keyed() and the account that is locked."""
    group = [
        "({},{},,)".format(",".join("" if part is None else f'"{part}"' for part in request), actor)
        for request in requests
    ]
    return rows(
        connection,
        "SELECT g.replayed, NULL AS account, to_jsonb(g.transaction) AS transaction, NULL AS "
        "results, NULL AS hold, (g.refusal).sqlstate, (g.refusal).message, (g.refusal).detail, "
        "(g.refusal).hint, g.locked_account_id "
        "FROM wallet.run_group(%s::text[]::wallet.group_request[], %s::int) g",
        group,
        wait,
    )


def is_replay(first: dict[str, Any], second: dict[str, Any]) -> bool:
    """Whether two results differ in nothing but that the second one had been given before."""
    return second == {**first, "replayed": True} and first["replayed"] is False


def ledger(admin: Connection) -> Ledger:
    """Two ledgers compare equal only if nothing at all happened between them."""
    # As the functions' owner: Citus shows what a transaction wrote to the role that wrote it.
    admin.execute("SET ROLE wallet_owner")
    tables = [
        admin.execute(f"SELECT * FROM wallet.{table} ORDER BY {order}").fetchall()
        for table, order in TABLES.items()
    ]
    admin.execute("RESET ROLE")
    return Ledger(*tables)


def balances(admin: Connection) -> dict[int, str]:
    """Each account's balance as PostgreSQL writes it."""
    found = admin.execute("SELECT id, balance::text AS balance FROM wallet.account ORDER BY id")
    return {row["id"]: row["balance"] for row in found}


def open_accounts(app: Connection, *amounts: str) -> list[int]:
    """Open an account for each amount and pay it in; '0' pays nothing in."""
    ids = []
    for amount in amounts:
        id = call(app, "create_account", "ada@example.com")["id"]
        if amount != "0":
            call(app, "deposit", id, amount)
        ids.append(id)
    return ids
