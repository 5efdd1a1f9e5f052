"""Every variant that is measured leaves the same ledger after the same requests."""

from __future__ import annotations

import os
import random
import subprocess
from collections.abc import Callable
from contextlib import suppress
from typing import Any

import httpx
import psycopg
import pytest

from bench.processes import running
from bench.server import SCRIPTS
from tests.support import databases
from tests.support.databases import Database, assert_sound
from tests.support.seeds import fresh_seed

Request = tuple[int, int, int]
"""Source, target, and cents."""

ACCOUNTS = 5
OPENING = 100
"""What each account has at first; little enough that some transfers are refused."""


def pgbench(database: Database, text: str, *arguments: str) -> None:
    done = subprocess.run(
        ["pgbench", "-n", "--protocol=prepared", "--file=-", *arguments],
        env={**os.environ, **database.environ()},
        input=text,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    assert not done.returncode, done.stdout
    assert "number of failed transactions: 0" in done.stdout, done.stdout


def call_transfer(database: Database, requests: list[Request]) -> None:
    with database.connect("wallet_app") as connection:
        for source, target, cents in requests:
            with suppress(psycopg.Error):  # A refusal.
                connection.execute(
                    "SELECT wallet.transfer(%s, %s, %s * 0.01)", (source, target, cents)
                )


def call_batch(database: Database, requests: list[Request]) -> None:
    items = ", ".join(f'"({source},{target},{cents}e-2)"' for source, target, cents in requests)
    database.execute(
        "SELECT wallet.transfer_batch(%s, atomic => false)", f"{{{items}}}", user="wallet_app"
    )


def call_group(database: Database, requests: list[Request]) -> None:
    items = ", ".join(
        f'"(transfer,{source},{target},{cents}e-2,,,,)"' for source, target, cents in requests
    )
    database.execute("SELECT wallet.run_group(%s)", f"{{{items}}}", user="wallet_app")


def call_queue(database: Database, requests: list[Request]) -> None:
    with database.connect("wallet_app") as connection:
        for source, target, cents in requests:
            connection.execute(
                "SELECT wallet.enqueue_transfer(%s, %s, %s * 0.01)", (source, target, cents)
            )
        processed = len(requests)
        while processed:
            [row] = connection.execute("SELECT wallet.process_pending(7) AS count")
            processed = row["count"]


def run_script(name: str) -> Callable[[Database, list[Request]], None]:
    def run(database: Database, requests: list[Request]) -> None:
        body = (SCRIPTS / f"{name}.sql").read_text()
        texts = [
            f"\\set source {source}\n\\set target {target}\n\\set amount {cents}\n{body}"
            for source, target, cents in requests
        ]
        # A script with some 200 \gset crashes pgbench 18.6.
        for start in range(0, len(texts), 5):
            pgbench(database, "\n".join(texts[start : start + 5]), "--transactions=1")

    return run


def ask(module: str, user: str | None) -> Callable[[Database, list[Request]], None]:
    def run(database: Database, requests: list[Request]) -> None:
        with (
            running(module, database.url(user), workers=1, pool_size=6) as service,
            httpx.Client(base_url=service.url, timeout=30) as client,
        ):
            for source, target, cents in requests:
                body = {
                    "source_account_id": source,
                    "target_account_id": target,
                    "amount": f"{cents // 100}.{cents % 100:02}",
                }
                answer = client.post("/transaction", json=body)
                assert answer.status_code in (201, 409), answer.text

    return run


VARIANTS = {
    "transfer": call_transfer,
    "client_side": run_script("client_side"),
    "client_side_sorted": run_script("client_side_sorted"),
    "service": ask("service", "wallet_app"),
    "baseline": ask("bench.baseline", None),
    "batch": call_batch,
    "group": call_group,
    "queue": call_queue,
}


def ledger(database: Database) -> dict[str, list[Any]]:
    """What is there, but for times and ids: one that was refused may have used up an id."""
    return {
        "accounts": database.execute(
            "SELECT id, balance, entry_count FROM wallet.account ORDER BY id"
        ),
        "transactions": database.execute(
            """
            SELECT source_account_id, target_account_id, amount,
                   source_entry, target_entry, source_balance, target_balance
            FROM wallet.transaction ORDER BY id
            """
        ),
    }


@pytest.fixture
def opened(database: Database) -> Database:
    """A ledger with some accounts, for each variant to be cloned."""
    for number in range(1, ACCOUNTS + 1):
        database.execute("SELECT wallet.create_account(%s)", f"a{number}@example.com")
        database.execute("SELECT wallet.deposit(%s, %s)", number, OPENING)
    return database


def test_every_variant_leaves_the_same_ledger(opened: Database) -> None:
    dice = random.Random(fresh_seed())
    requests = []
    for _ in range(30):
        source, target = dice.sample(range(1, ACCOUNTS + 1), 2)
        requests.append((source, target, dice.randrange(1, OPENING * 100)))
    ledgers = {}
    for name, move in VARIANTS.items():
        database = databases.create(opened.server, opened.name)
        try:
            move(database, requests)
            with database.connect() as connection:
                assert_sound(connection)
            ledgers[name] = ledger(database)
        finally:
            databases.drop(database)
    made = len(ledgers["transfer"]["transactions"]) - ACCOUNTS
    assert 0 < made < len(requests), "some are to succeed, and some to be refused"
    for name, left in ledgers.items():
        assert left == ledgers["transfer"], name


def test_what_is_picked_are_two_accounts_and_an_amount(opened: Database) -> None:
    opened.execute("CREATE TABLE picked (source int, target int, amount int)")
    insert = "INSERT INTO picked VALUES (:source, :target, :amount);"
    for pick in ("uniform", "zipf", "hot10", "hot1"):
        opened.execute("TRUNCATE picked")
        text = (SCRIPTS / f"pick_{pick}.sql").read_text()
        pgbench(opened, f"{text}\n{insert}", "--transactions=500", "--define=accounts=20")
        [picked] = opened.execute(
            """
            SELECT bool_and(source <> target) AS differ, min(least(source, target)) AS least,
                   max(greatest(source, target)) AS most, min(amount) AS amount,
                   count(DISTINCT target) AS targets
            FROM picked
            """
        )
        assert picked["differ"], pick
        assert picked["least"] >= 1, pick
        assert picked["most"] <= (10 if pick == "hot10" else 20), pick
        assert picked["amount"] >= 1, pick
        assert (picked["targets"] == 1) is (pick == "hot1"), pick


@pytest.mark.parametrize(("accounts", "rounds"), [(50, 1), (7, 40)])
def test_a_filled_ledger_is_sound_and_goes_on(
    database: Database, accounts: int, rounds: int
) -> None:
    indexes = "SELECT indexname, indexdef FROM pg_indexes WHERE schemaname = 'wallet' ORDER BY 1"
    before = database.execute(indexes)
    subprocess.run(
        [
            *("psql", "-XqAt", "-f", SCRIPTS / "fill.sql", "-v", f"accounts={accounts}"),
            *("-v", f"transactions={accounts * rounds}"),
        ],
        env={**os.environ, **database.environ()},
        stdout=subprocess.DEVNULL,
        check=True,
    )
    database.execute("SELECT wallet.transfer(1, 2, 5)")
    with database.connect() as connection:
        assert_sound(connection)
    [count] = database.execute(
        "SELECT (SELECT count(*) FROM wallet.account) AS accounts, count(*) FROM wallet.transaction"
    )
    assert count == {"accounts": accounts, "count": accounts * rounds + 1}
    assert database.execute(indexes) == before
