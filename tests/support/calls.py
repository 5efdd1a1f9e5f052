"""Calls of wallet functions on a connection, and what the whole ledger holds."""

from __future__ import annotations

from collections.abc import Iterable
from decimal import Decimal
from typing import Any, NamedTuple

import psycopg
import pytest
from psycopg.errors import Diagnostic
from psycopg.rows import DictRow

Connection = psycopg.Connection[DictRow]

CREATE_ACCOUNT = "SELECT * FROM wallet.create_account(%s)"
GET_ACCOUNT = "SELECT * FROM wallet.get_account(%s)"
DEPOSIT = "SELECT * FROM wallet.deposit(%s, %s)"
TRANSFER = "SELECT * FROM wallet.transfer(%s, %s, %s)"
GET_TRANSACTION = "SELECT * FROM wallet.get_transaction(%s)"
WITHDRAW = "SELECT * FROM wallet.withdraw(%s, %s)"
REVERSE = "SELECT * FROM wallet.reverse(%s)"
FREEZE_ACCOUNT = "SELECT * FROM wallet.freeze_account(%s)"
UNFREEZE_ACCOUNT = "SELECT * FROM wallet.unfreeze_account(%s)"
FIND_ACCOUNTS = "SELECT * FROM wallet.find_accounts(%s)"
GET_STATEMENT = "SELECT * FROM wallet.get_statement(%s, %s, %s)"
BALANCE_AT = "SELECT wallet.balance_at(%s, %s) AS balance"
TRANSFER_BATCH = "SELECT * FROM wallet.transfer_batch(%s::wallet.transfer_request[], %s)"
ENQUEUE_TRANSFER = "SELECT * FROM wallet.enqueue_transfer(%s, %s, %s)"
TRANSFER_OR_ENQUEUE = "SELECT * FROM wallet.transfer_or_enqueue(%s, %s, %s, %s)"
SETTLE = "SELECT wallet.settle(%s) AS settled"
CANCEL_PENDING = "SELECT * FROM wallet.cancel_pending(%s)"
GET_OUTCOME = "SELECT * FROM wallet.get_outcome(%s)"

Request = tuple[int | None, int | None, Decimal | str | int | None]
"""What a transfer is asked for with: the source's id, the target's, the amount."""


class Ledger(NamedTuple):
    """Every row of every table, in the order of ids."""

    accounts: list[DictRow]
    transactions: list[DictRow]
    reversals: list[DictRow]
    pending: list[DictRow]
    failed: list[DictRow]


def batch(requests: Iterable[Request]) -> list[str]:
    """Requests as transfer_batch() takes them: '(1,2,5.00)', and NULL where there is nothing."""
    return [
        f"({','.join('' if part is None else str(part) for part in request)})"
        for request in requests
    ]


def rows(connection: Connection, statement: str, *arguments: object) -> list[dict[str, Any]]:
    """All that a statement returns."""
    return connection.execute(statement, arguments or None).fetchall()


def call(connection: Connection, statement: str, *arguments: object) -> dict[str, Any]:
    """The one row that a statement returns."""
    (row,) = connection.execute(statement, arguments or None).fetchall()
    return row


def answer(connection: Connection, statement: str, *arguments: object) -> dict[str, Any] | str:
    """The one row that a statement returns, or the SQLSTATE it is refused with."""
    try:
        return call(connection, statement, *arguments)
    except psycopg.Error as error:
        if error.sqlstate is None:
            raise
        return error.sqlstate


def refusal(connection: Connection, statement: str, *arguments: object) -> Diagnostic:
    """What PostgreSQL says to a statement that it must refuse."""
    with pytest.raises(psycopg.Error) as caught:
        connection.execute(statement, arguments or None)
    return caught.value.diag


def ledger(admin: Connection) -> Ledger:
    """Two ledgers compare equal only if nothing at all happened between them."""
    return Ledger(
        admin.execute("SELECT * FROM wallet.account ORDER BY id").fetchall(),
        admin.execute("SELECT * FROM wallet.transaction ORDER BY id").fetchall(),
        admin.execute("SELECT * FROM wallet.reversal ORDER BY transaction_id").fetchall(),
        admin.execute("SELECT * FROM wallet.pending_transfer ORDER BY id").fetchall(),
        admin.execute("SELECT * FROM wallet.failed_transfer ORDER BY id").fetchall(),
    )


def balances(admin: Connection) -> dict[int, str]:
    """Each account's balance as PostgreSQL writes it."""
    rows = admin.execute("SELECT id, balance::text AS balance FROM wallet.account ORDER BY id")
    return {row["id"]: row["balance"] for row in rows}


def open_accounts(app: Connection, *amounts: str) -> list[int]:
    """Open an account for each amount and pay it in; '0' pays nothing in."""
    ids = []
    for amount in amounts:
        id = call(app, CREATE_ACCOUNT, "ada@example.com")["id"]
        if amount != "0":
            call(app, DEPOSIT, id, amount)
        ids.append(id)
    return ids
