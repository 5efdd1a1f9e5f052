"""Functions run inside the caller's own transaction, together with the caller's own statements."""

from __future__ import annotations

from collections.abc import Iterator

import psycopg
import pytest
from psycopg import IsolationLevel

from tests.support.calls import Connection, balances, call, ledger, open_accounts, rows
from tests.support.databases import assert_sound

LEVELS = (
    IsolationLevel.READ_COMMITTED,
    IsolationLevel.REPEATABLE_READ,
    IsolationLevel.SERIALIZABLE,
)


@pytest.fixture(autouse=True)
def shop(admin: Connection) -> Iterator[None]:
    """A caller's own schema, with a table that wallet_app writes."""
    admin.execute("CREATE SCHEMA shop AUTHORIZATION wallet_app")
    admin.execute("CREATE TABLE shop.invoice (id int, payer bigint, payee bigint, amount numeric)")
    admin.execute("ALTER TABLE shop.invoice OWNER TO wallet_app")
    yield
    admin.execute("DROP SCHEMA shop CASCADE")


def invoices(admin: Connection) -> list[int]:
    return [row["id"] for row in rows(admin, "SELECT id FROM shop.invoice ORDER BY id")]


def bill(app: Connection, id: int, payer: int, payee: int, amount: object) -> None:
    app.execute("INSERT INTO shop.invoice VALUES (%s, %s, %s, %s)", (id, payer, payee, amount))


def pay(app: Connection, id: int, payer: int, payee: int, *amounts: int) -> None:
    """Bill an account and pay another one in parts, all or nothing."""
    with app.transaction():
        bill(app, id, payer, payee, sum(amounts))
        for amount in amounts:
            call(app, "transfer", payer, payee, amount)


def test_a_callers_statements_and_its_transfers_commit_together_or_not_at_all(
    app: Connection, admin: Connection
) -> None:
    """With a savepoint that saves what came before a refusal, and one that is rolled back."""
    for level in LEVELS:
        source, target = open_accounts(app, "100", "0")
        before = ledger(admin)
        app.isolation_level = level
        with app.transaction(force_rollback=True):
            bill(app, 1, source, target, 30)
            call(app, "transfer", source, target, 30)
        assert (invoices(admin), ledger(admin)) == ([], before), level
        with app.transaction():
            bill(app, 1, source, target, 30)
            call(app, "transfer", source, target, 30)
            with app.transaction(force_rollback=True):
                call(app, "transfer", source, target, 20)
            with pytest.raises(psycopg.Error) as caught:
                pay(app, 2, source, target, 60, 20)
            assert caught.value.sqlstate == "WL006"
            assert call(app, "transfer", source, target, 40)["source_entry"] == 3
            assert str(call(app, "get_account", target)["balance"]) == "70.00"
            assert (invoices(admin), ledger(admin)) == ([], before), "nobody else sees it yet"
        assert invoices(admin) == [1]
        assert (balances(admin)[source], balances(admin)[target]) == ("30.00", "70.00")
        assert_sound(admin)
        admin.execute("TRUNCATE shop.invoice")
        app.isolation_level = None
