"""Transfers are queued while whatever serves them is killed: each ends once, and in order."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import suppress
from functools import partial
from itertools import count, pairwise
from random import Random
from threading import Barrier
from typing import Any, NamedTuple

import httpx
import psycopg
import pytest

from tests.concurrency.fire import Kills
from tests.http.processes import (
    open_wallet,
    own_database,
    pending,
    running,
    wait_until,
)
from tests.support.databases import Database, assert_sound
from tests.support.seeds import fresh_seed
from tests.support.service import Service
from tests.support.threads import together

REQUESTS = 5_000
SQL_CLIENTS, HTTP_CLIENTS = 12, 4
SOURCES = 20
KILLS = ["queue worker", "worker", "PostgreSQL"] * 2
ENQUEUE = "SELECT (a.results[1]).id FROM wallet.enqueue_transfer(%s, %s, %s, %s) a"


class Asked(NamedTuple):
    """A request that was answered. Times are this machine's monotonic clock."""

    client: int
    source: int
    amount: str
    sent: float
    """When it was first sent: an answer that was lost may have been to that."""
    answered: float
    id: int


class Fire:
    """What is under fire: clients, a service, and a server with fsync on."""

    def __init__(self, database: Database, service: Service, seed: int) -> None:
        self.database, self.service, self.seed = database, service, seed
        wallets = [open_wallet(service.client, "999999.99") for _ in range(SOURCES)]
        self.target = open_wallet(service.client, "0.01")
        self.poor = open_wallet(service.client, "0.01")
        self.sources = [*wallets, self.poor]
        self.asked: list[Asked] = []
        self.retries: Counter[str] = Counter()
        self._numbers = count()

    def requests(self) -> Iterator[int]:
        """Numbers of requests, for a client to ask for until there are enough of all clients."""
        while (number := next(self._numbers)) < REQUESTS:
            yield number

    def over_sql(self, client: int, barrier: Barrier) -> None:
        """Queue transfers by calls of the function, each until it is answered."""
        random = Random(f"{self.seed} {client}")
        connection: psycopg.Connection[Any] | None = None
        barrier.wait(60)
        for number in self.requests():
            source, amount = random.choice(self.sources), f"{random.randint(1, 100) / 100:.2f}"
            sent = time.monotonic()
            while True:
                try:
                    connection = connection or psycopg.connect(
                        self.database.url("wallet_app"), autocommit=True
                    )
                    arguments = (source, self.target, amount, str(number))
                    row = connection.execute(ENQUEUE, arguments, prepare=True).fetchone()
                    break
                except psycopg.OperationalError:
                    connection = None
                    self.give_up_after(sent, "SQL")
            assert row
            self.asked.append(Asked(client, source, amount, sent, time.monotonic(), row[0]))
        if connection:
            connection.close()

    def over_http(self, client: int, barrier: Barrier) -> None:
        """Queue transfers over HTTP, each until it is answered with 202."""
        random = Random(f"{self.seed} {client}")
        with httpx.Client(base_url=self.service.url, timeout=30) as http:
            barrier.wait(60)
            for number in self.requests():
                source, amount = random.choice(self.sources), f"{random.randint(1, 100) / 100:.2f}"
                body = {
                    "source_account_id": source,
                    "target_account_id": self.target,
                    "amount": amount,
                }
                key = {"Idempotency-Key": str(number), "Prefer": "respond-async"}
                sent = time.monotonic()
                while True:
                    with suppress(httpx.TransportError):
                        response = http.post("/transaction", json=body, headers=key)
                        if response.status_code == 202:
                            break
                        assert response.status_code == 503, response.text
                    self.give_up_after(sent, "HTTP")
                id = response.json()["id"]
                self.asked.append(Asked(client, source, amount, sent, time.monotonic(), id))

    def give_up_after(self, sent: float, kind: str) -> None:
        assert time.monotonic() < sent + 60, "it was never answered"
        self.retries[kind] += 1
        time.sleep(0.05)  # The cores are for what is being started again.


def check(fire: Fire, admin: psycopg.Connection[Any]) -> None:
    """Each has exactly one result, that is what was asked for, and they came in order."""
    asked = {request.id: request for request in fire.asked}
    assert len(fire.asked) == len(asked) == REQUESTS, "two requests got one id"
    columns = "id, source_account_id, target_account_id, amount::text AS amount, ctime"
    succeeded = admin.execute(
        f"SELECT {columns}, target_entry FROM wallet.transaction "
        "WHERE source_account_id IS NOT NULL"
    ).fetchall()
    failed = admin.execute(f"SELECT {columns}, sqlstate FROM wallet.failed_transfer").fetchall()
    results = succeeded + failed
    assert len(results) == REQUESTS
    assert {row["id"] for row in results} == asked.keys()
    for row in results:
        request = asked[row["id"]]
        assert row["target_account_id"] == fire.target
        assert (row["source_account_id"], row["amount"]) == (request.source, request.amount)
    # The poor one's cent went with the first request that asked for no more.
    assert {(row["source_account_id"], row["sqlstate"]) for row in failed} == {(fire.poor, "WL006")}
    assert sum(row["source_account_id"] == fire.poor for row in succeeded) <= 1

    # What is processed at once has one time, and one time belongs to what is processed at once.
    processed = sorted(results, key=lambda row: (row["ctime"], row["id"]))
    entries = [row["target_entry"] for row in processed if "target_entry" in row]
    assert all(one < other for one, other in pairwise(entries))
    last_sent = 0.0
    last_of: dict[int, float] = {}
    for row in processed:
        request = asked[row["id"]]
        assert last_sent <= request.answered, f"{request} came after what was sent later"
        last_sent = max(last_sent, request.sent)
        assert last_of.get(request.client, 0.0) < request.sent, f"{request} is out of turn"
        last_of[request.client] = request.sent

    (row,) = admin.execute("SELECT sum(balance)::text AS sum FROM wallet.account").fetchall()
    assert row["sum"] == f"{SOURCES * 999999.99 + 0.02:.2f}"
    assert_sound(admin)


@pytest.mark.timeout(200)
def test_each_transfer_is_processed_once_and_in_order_whatever_is_killed() -> None:
    with own_database() as (server, database), running(database, WALLET_WORKERS="2") as service:
        with database.connect() as admin:
            assert admin.execute("SHOW fsync").fetchall() == [{"fsync": "on"}]
        fire = Fire(database, service, fresh_seed())
        random = Random(f"{fire.seed} kills")
        kills = Kills(server, database, service)
        clients: list[Callable[[Barrier], None]] = [
            *(partial(fire.over_sql, number) for number in range(SQL_CLIENTS)),
            *(partial(fire.over_http, -number) for number in range(1, HTTP_CLIENTS + 1)),
            partial(kills.carry_out, KILLS, partial(len, fire.asked), REQUESTS, random),
        ]
        together(clients)
        over_http = sum(request.client < 0 for request in fire.asked)
        print(f"{over_http} of {REQUESTS} were queued over HTTP; retries: {fire.retries}")
        wait_until(lambda: pending(database) == 0, "all are processed", 60)
        with database.connect() as admin:
            check(fire, admin)
