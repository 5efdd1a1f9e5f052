"""The line in which payments, withdrawals and transfers wait, held as long as a test wants."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from typing import Any, NamedTuple

import psycopg
import pytest
from httpx import Client, Response
from psycopg.rows import DictRow

from tests.http.answers import check
from tests.http.processes import open_wallet, wait_until
from tests.http.wire import Connection, post
from tests.support.databases import Database
from tests.support.service import Service

# A call that pays 0.77 polls a lock until a test gives it back. It waits for no lock, since the
# service would end such a wait.
_GATE = (
    """
    CREATE OR REPLACE FUNCTION public.pass_gate() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        WHILE NEW.amount = 0.77 AND NOT pg_try_advisory_xact_lock_shared(77) LOOP
            PERFORM pg_sleep(0.005);
        END LOOP;
        RETURN NEW;
    END $$
    """,
    "CREATE OR REPLACE TRIGGER gate BEFORE INSERT ON wallet.transaction"
    " FOR EACH ROW EXECUTE FUNCTION public.pass_gate()",
)


class Post(NamedTuple):
    """A request to send."""

    path: str
    body: dict[str, Any]
    key: str


def pay(id: int, amount: str = "1", key: str = "") -> Post:
    return Post(f"/account/{id}/payment", {"amount": amount}, key)


def withdraw(id: int, amount: str = "1", key: str = "") -> Post:
    return Post(f"/account/{id}/withdrawal", {"amount": amount}, key)


def move(source: int, target: int, amount: str = "1", key: str = "") -> Post:
    members = {"source_account_id": source, "target_account_id": target, "amount": amount}
    return Post("/transaction", members, key)


def ask(client: Client, request: Post, also: Mapping[str, str] | None = None) -> Response:
    headers = dict(also or {})
    if request.key:
        headers["Idempotency-Key"] = request.key
    return client.post(request.path, json=request.body, headers=headers)


class Sent(NamedTuple):
    """A request that was sent, on a connection of its own."""

    connection: Connection
    request: Post

    def answer(self, hold_to: Callable[[Response], None] = check) -> Response:
        return self.connection.answer("POST", self.request.path, bool(self.request.key), hold_to)


class Line:
    """Requests to a service, sent one after another; the connections close with it."""

    def __init__(self, service: Service, connections: ExitStack) -> None:
        self._service = service
        self._connections = connections

    def send(self, *requests: Post, prefer: str = "") -> list[Sent]:
        """Send them, and return once the service has them, in this order."""
        sent = []
        for request in requests:
            connection = self._connections.enter_context(Connection(self._service.port))
            headers = {"Idempotency-Key": request.key, "Prefer": prefer}
            headers = {name: value for name, value in headers.items() if value}
            connection.send(post(request.path, request.body, headers))
            self.notice()
            sent.append(Sent(connection, request))
        return sent

    def notice(self) -> None:
        """Let the service see what happened on other connections: it reads all in turn."""
        for _ in range(5):
            assert self._service.client.get("/health/live").status_code == 200


class HeldLine(Line):
    """A line whose first request is in a call that does not end before release()."""

    def __init__(
        self, service: Service, connections: ExitStack, admin: psycopg.Connection[DictRow]
    ) -> None:
        super().__init__(service, connections)
        database = service.database
        self._nodes = [
            connections.enter_context(psycopg.connect(url, autocommit=True))
            for url in database.server.writers(database.name)
        ]
        self.paid = open_wallet(service.client, "0.00")
        """The account that the first request pays into."""
        for statement in _GATE:
            admin.execute(statement)
        self.hold()
        (self.first,) = self.send(pay(self.paid, "0.77"))
        wait_until(self._is_at_the_gate, "the first call is at the gate")

    def hold(self) -> None:
        """Have each call that pays 0.77 wait for release()."""
        for node in self._nodes:
            node.execute("SELECT pg_advisory_lock(77)")

    def release(self) -> None:
        """Let such calls end."""
        for node in self._nodes:
            node.execute("SELECT pg_advisory_unlock(77)")

    def _is_at_the_gate(self) -> bool:
        query = "SELECT pid FROM pg_stat_activity WHERE datname = current_database()"
        asleep = f"{query} AND wait_event = 'PgSleep'".encode()
        return any(node.execute(asleep).rowcount for node in self._nodes)


@contextmanager
def line(service: Service) -> Iterator[Line]:
    """A line that nothing holds."""
    with ExitStack() as connections:
        yield Line(service, connections)


@contextmanager
def held_line(service: Service) -> Iterator[HeldLine]:
    """Keep the connection of groups in a call, so that all that follow wait."""
    with ExitStack() as connections:
        admin = connections.enter_context(service.database.connect())
        yield HeldLine(service, connections, admin)


@contextmanager
def counted(database: Database) -> Iterator[dict[str, int]]:
    """Count the calls of functions that move money or read an account, until the block ends.

    The dictionary is filled at the end.
    """
    calls: dict[str, int] = {}
    with database.connect() as admin:
        row = admin.execute("SHOW shared_preload_libraries").fetchone()
        if row is None or "pg_stat_statements" not in row["shared_preload_libraries"]:
            pytest.skip("this server has not loaded pg_stat_statements")
        admin.execute("CREATE EXTENSION IF NOT EXISTS pg_stat_statements")
        admin.execute(
            "SELECT pg_stat_statements_reset(0, d.oid) FROM pg_database d"
            " WHERE d.datname = current_database()"
        )
        yield calls
        for row in admin.execute(
            "SELECT s.query, s.calls FROM pg_stat_statements s JOIN pg_database d ON d.oid = s.dbid"
            " WHERE s.toplevel AND s.userid = 'wallet_app'::regrole"
            " AND d.datname = current_database()"
        ):
            for name in re.findall(
                r"wallet\.(deposit|withdraw|transfer|run_group|get_account)\(", row["query"]
            ):
                calls[name] = calls.get(name, 0) + row["calls"]
