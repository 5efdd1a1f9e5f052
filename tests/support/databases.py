"""Databases with the schema in them, cloned from one that Sqitch deployed."""

from __future__ import annotations

import itertools
import os
import re
import subprocess
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

import psycopg
from psycopg.rows import DictRow, dict_row

from tests.support.servers import APP_PASSWORD, Citus, Server
from tools.embedded import CHECKOUT

_numbers = itertools.count(1)

CHANGES = re.findall(r"^([a-z]\S*) ", (CHECKOUT / "sqitch.plan").read_text(), re.MULTILINE)

# A ledger can be emptied only by a superuser who says so.
EMPTY = """
    BEGIN;
    SET LOCAL wallet.change_history = on;
    TRUNCATE wallet.account, wallet.transaction, wallet.reversal, wallet.idempotency_key,
        wallet.pending_transfer, wallet.failed_transfer, wallet.queued_transfer,
        wallet.event_log, wallet.hold, wallet.hold_capture, wallet.limit_change,
        wallet.transaction_annotation, wallet.account_annotation RESTART IDENTITY;
    COMMIT
"""


@dataclass(frozen=True)
class Database:
    """A database of a test's own. `wallet_app` is the role the service has."""

    server: Server
    name: str

    def url(self, user: str | None = None) -> str:
        """A libpq URL; without a user, a superuser's."""
        return self.server.url(self.name, user)

    def environ(self, user: str | None = None) -> dict[str, str]:
        return self.server.environ(self.name, user)

    def connect(self, user: str | None = None) -> psycopg.Connection[DictRow]:
        """An autocommit connection whose rows are dictionaries."""
        return psycopg.connect(self.url(user), autocommit=True, row_factory=dict_row)

    def execute(self, statement: str, *arguments: object, user: str | None = None) -> list[Any]:
        """Run one statement on a connection of its own, and return its rows, if it has any."""
        with self.connect(user) as connection:
            cursor = connection.execute(statement, arguments or None)
            return cursor.fetchall() if cursor.description else []


def create(server: Server, template: str | None = None) -> Database:
    """An empty database, or a clone of `template`, a database that Sqitch deployed."""
    name = f"wallet_test_{os.getpid()}_{next(_numbers)}"
    clause = f" TEMPLATE {template}" if template else ""
    if isinstance(server, Citus) and template:
        # Else a process of Citus's own, which is started anew whenever it ends, keeps it in use.
        server.execute(f"ALTER DATABASE {template} ALLOW_CONNECTIONS false")
    server.execute(f"CREATE DATABASE {name}{clause}")
    if isinstance(server, Citus) and not template:
        server.prepare(name)
    if template:
        # CREATE DATABASE copies no privileges of the database itself: docs/operations.md.
        roles = "wallet_app, wallet_reader, wallet_owner"
        server.execute(f"GRANT CONNECT ON DATABASE {name} TO {roles}")
        server.execute(f"REVOKE CONNECT, TEMPORARY ON DATABASE {name} FROM PUBLIC")
        if isinstance(server, Citus):
            server.execute_here("SELECT wallet.set_up_nodes()", name)
            server.execute_here(
                f"ALTER DATABASE {name} SET citus.enable_unsafe_triggers = on", name
            )
    return Database(server, name)


def empty(database: Database) -> None:
    """Empty a ledger, and let its ids begin with 1. On Citus a TRUNCATE takes seconds."""
    tables = re.findall(r"wallet\.([a-z_]+)(?=[, ])", EMPTY.split("TRUNCATE")[1])
    if not isinstance(database.server, Citus):
        database.execute(EMPTY)
        return
    with database.connect() as connection, connection.transaction():
        connection.execute("SET LOCAL wallet.change_history = on")
        for table in tables:
            connection.execute(f"DELETE FROM wallet.{table}")
        connection.execute(
            "SELECT setval(oid, 1, false) FROM pg_class"
            " WHERE relkind = 'S' AND relnamespace = 'wallet'::regnamespace"
        )


def drop(database: Database) -> None:
    database.server.execute(f"DROP DATABASE {database.name} WITH (FORCE)")


def deploy(database: Database) -> None:
    """Run the deploy scripts of the whole plan, and let its roles log in."""
    if isinstance(database.server, Citus):
        environ = {**os.environ, **database.environ()}
        subprocess.run(
            ["make", "-s", "citus"],
            cwd=CHECKOUT,
            env=environ,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            check=True,
        )
    else:
        scripts("deploy", database)
    for role in ("wallet_app", "wallet_reader"):
        database.server.execute(f"ALTER ROLE {role} PASSWORD '{APP_PASSWORD}'")


def scripts(
    kind: str,
    database: Database,
    user: str | None = None,
    *,
    to: str | None = None,
    loses_data: bool = True,
) -> str:
    """Run the plan's scripts of a kind in one psql, and return what it said.

    That takes a second. Sqitch, which tests/migrations shows at work, takes ten.
    """
    names = CHANGES[: CHANGES.index(to) + 1 if to else None]
    if kind == "revert":
        names.reverse()
    done = subprocess.run(
        ["psql", "-Xq", "--set=ON_ERROR_STOP=1", *(f"--file={kind}/{name}.sql" for name in names)],
        cwd=CHECKOUT,
        env={
            **os.environ,
            **database.environ(user),
            "PGOPTIONS": "-c wallet.lose_data=on" if kind == "revert" and loses_data else "",
        },
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    if done.returncode:
        raise RuntimeError(f"{kind} failed:\n{done.stdout}")
    return done.stdout


def assert_sound(connection: psycopg.Connection[DictRow]) -> None:
    """Check what always holds, in one snapshot of the whole ledger.

    wallet.audit() must find nothing either. It cannot replace these checks: it is tested here too.
    """
    accounts: dict[int, list[tuple[int, Decimal, Any]]] = {}
    with connection.transaction():
        connection.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")
        rows = connection.execute("SELECT * FROM wallet.account").fetchall()
        entries = connection.execute(
            """
            SELECT source_account_id AS account_id, source_entry AS entry, -amount AS amount,
                   source_balance AS balance, ctime
            FROM wallet.transaction WHERE source_account_id IS NOT NULL
            UNION ALL
            SELECT target_account_id, target_entry, amount, target_balance, ctime
            FROM wallet.transaction WHERE target_account_id IS NOT NULL
            ORDER BY account_id, entry
            """
        ).fetchall()
        outside = connection.execute(
            """
            SELECT coalesce(sum(amount) FILTER (WHERE source_account_id IS NULL), 0)
                 - coalesce(sum(amount) FILTER (WHERE target_account_id IS NULL), 0) AS sum
            FROM wallet.transaction
            """
        ).fetchall()[0]["sum"]
        states = connection.execute(
            """
            SELECT id, count(*) FROM (
                SELECT id FROM wallet.transaction
                UNION ALL SELECT id FROM wallet.pending_transfer
                UNION ALL SELECT id FROM wallet.failed_transfer
            ) s GROUP BY id HAVING count(*) > 1
            """
        ).fetchall()
        violations = connection.execute("SELECT * FROM wallet.audit()").fetchall()
    for row in rows:
        assert row["minimum"] <= row["balance"] - row["held"] <= row["balance"] <= row["maximum"], (
            row
        )
        accounts[row["id"]] = [(0, Decimal(0), row["ctime"])]
    for entry in entries:
        chain = accounts[entry["account_id"]]
        number, balance, ctime = chain[-1]
        assert entry["entry"] == number + 1, f"a gap in the entries: {entry}"
        assert entry["balance"] == balance + entry["amount"], f"a broken chain: {entry}"
        assert entry["ctime"] >= ctime, f"time runs backwards: {entry}"
        chain.append((entry["entry"], entry["balance"], entry["ctime"]))
    for row in rows:
        assert (row["entry_count"], row["balance"], row["mtime"]) == accounts[row["id"]][-1], row
    assert sum(row["balance"] for row in rows) == outside
    assert states == [], "a transaction has two results"
    assert violations == []
