"""Reads on a standby: near enough, fresh for who asks, and never in the standby's hands."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from decimal import Decimal

import pytest
from pgwallet import Wallet

from tests.http.processes import (
    OwnServer,
    balance,
    children,
    frozen,
    open_wallet,
    postmaster_of,
    running,
    standby_of,
    transfer,
    wait_until,
)
from tests.http.test_metrics import scrape
from tests.support.databases import Database
from tests.support.service import Service


@pytest.fixture
def standby(own: tuple[OwnServer, Database]) -> Iterator[Database]:
    """The ledger of `own` on a standby."""
    server, database = own
    with standby_of(server) as other:
        yield Database(other, database.name)


def pause(standby: Database) -> None:
    """Have the standby take part in nothing that comes from now on."""
    standby.execute("SELECT pg_wal_replay_pause()")
    state = "SELECT pg_get_wal_replay_pause_state() AS state"
    wait_until(lambda: standby.execute(state)[0]["state"] == "paused", "it is paused")


def reads(service: Service) -> tuple[float, float]:
    """How many the standby has answered, and the primary."""
    found = scrape(service)
    return found["pgwallet_reads_total", "standby"], found["pgwallet_reads_total", "primary"]


def wait_until_the_standby_answers(service: Service, id: int) -> None:
    def answers() -> bool:
        before, _ = reads(service)
        balance(service.client, id)
        return reads(service)[0] > before

    wait_until(answers, "the standby answers")


def test_a_read_may_lag_but_not_for_who_asks_and_finds_what_was_just_made(
    own: tuple[OwnServer, Database], standby: Database
) -> None:
    url = standby.url("wallet_app")
    with running(own[1], WALLET_READ_URL=url, WALLET_READ_MAX_LAG="60") as service:
        client = service.client
        source, target = open_wallet(client), open_wallet(client)
        wait_until_the_standby_answers(service, source)
        wait_until(lambda: balance(client, target) == "100.00", "the standby has both")
        pause(standby)
        made = transfer(client, source, target, "1").json()["id"]
        _, before = reads(service)
        assert client.get(f"/account/{source}").json()["balance"] == "100.00"
        assert len(client.get(f"/account/{source}/transaction").json()["items"]) == 1
        assert reads(service)[1] == before
        fresh = {"Prefer": "fresh"}
        assert client.get(f"/account/{source}", headers=fresh).json()["balance"] == "99.00"
        entries = client.get(f"/account/{source}/transaction", headers=fresh).json()["items"]
        assert len(entries) == 2
        with Wallet(service.url) as writer, Wallet(service.url) as reader:
            writer.deposit(target, 1)
            balances = [wallet.get_account(target).balance for wallet in (writer, reader)]
        assert balances == [Decimal("102"), Decimal("100")]
        # What the standby does not have yet is found.
        assert client.get(f"/transaction/{made}").json()["state"] == "succeeded"
        new = client.post("/account", json={"email": "new@example.com"}).json()["id"]
        paid = client.post(f"/account/{new}/payment", json={"amount": "2"})
        hold = client.post(f"/account/{new}/hold", json={"amount": "1"}).json()["id"]
        assert client.get(f"/account/{new}").json()["held"] == "1.00"
        assert client.get("/account?email=new@example.com").json()["items"][0]["id"] == new
        assert client.get(f"/account/{new}/transaction").json()["items"][0]["balance"] == "2.00"
        assert client.get(f"/hold/{hold}").json()["account_id"] == new
        queued = transfer(client, source, target, Prefer="respond-async").headers["Location"]
        done = client.get(queued, headers={"Prefer": "wait=20"})
        assert (done.json()["state"], paid.status_code) == ("succeeded", 201)
        wait_until(lambda: scrape(service)["pgwallet_standby_lag_seconds", ""] > 0.5, "it lags")
        standby.execute("SELECT pg_wal_replay_resume()")
        wait_until(lambda: balance(client, source) == "97.50", "the standby has caught up")


def test_a_standby_that_lags_or_is_silent_or_away_or_promoted_holds_up_no_read(
    own: tuple[OwnServer, Database], standby: Database
) -> None:
    server, url = standby.server, standby.url("wallet_app")
    assert isinstance(server, OwnServer)
    with running(own[1], WALLET_READ_URL=url, WALLET_READ_MAX_LAG="0.5") as service:
        client = service.client
        id, again = open_wallet(client), "reads go to the standby again, after"

        def read_on() -> int:
            """Read until reads go to the primary; then they find what the standby lacks.

            How often the log has said by then that reads go to the standby again.
            """
            client.post(f"/account/{id}/payment", json={"amount": "1"}).raise_for_status()
            now = client.get(f"/account/{id}", headers={"Prefer": "fresh"}).json()["balance"]
            wait_until(lambda: balance(client, id) == now, "reads go to the primary")
            begins = "reads do not go to the standby: "
            wait_until(
                lambda: begins in service.log.read_text().rpartition(again)[2], "the log says why"
            )
            return service.log.read_text().count(again)

        def resume(times: int) -> None:
            # On a busy machine it may lag once more meanwhile, and say so.
            wait_until(lambda: service.log.read_text().count(again) > times, "the log says so")
            wait_until_the_standby_answers(service, id)

        wait_until_the_standby_answers(service, id)
        pause(standby)
        times = read_on()
        standby.execute("SELECT pg_wal_replay_resume()")
        resume(times)

        postmaster = postmaster_of(server)
        os.kill(postmaster, signal.SIGSTOP)
        with frozen(postmaster, *children(postmaster)):
            times = read_on()
        resume(times)

        server.stop("immediate")
        times = read_on()
        server.start()
        resume(times)

        standby.execute("SELECT pg_promote()")
        wait_until(
            lambda: "the server is not in recovery" in service.log.read_text(), "it is noticed"
        )
        read_on()
        assert "Traceback" not in service.log.read_text()
