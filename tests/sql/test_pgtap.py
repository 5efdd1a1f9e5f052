"""The schema's shape and privileges are what tests/pgtap says, on a server that has pgTAP."""

from __future__ import annotations

import os
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support import databases
from tests.support.databases import Database
from tests.support.extensions import install
from tools.embedded import CHECKOUT

FILES = sorted((CHECKOUT / "tests/pgtap").glob("*.sql"))


@pytest.fixture
def database(template: Database) -> Iterator[Database]:
    """A database of the test's own, with pgTAP in it."""
    database = databases.create(template.server, template.name)
    try:
        install(database, "pgtap")
        yield database
    finally:
        databases.drop(database)


def run(file: Path, database: Database) -> list[str]:
    """What psql prints when it is given the file: TAP, a line each."""
    done = subprocess.run(
        ["psql", "-XAtq", "-v", "ON_ERROR_STOP=1", "-f", file],
        env={**os.environ, **database.environ()},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout
    return done.stdout.splitlines()


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_the_schema_is_what_it_should_be(file: Path, database: Database) -> None:
    lines = run(file, database)
    said = "\n".join(lines)
    assert re.fullmatch(r"1\.\.[1-9][0-9]*", lines[0]), f"no plan: {said}"
    numbers = [int(n) for line in lines for n in re.findall(r"^ok ([0-9]+)", line)]
    assert not [line for line in lines if line.startswith("not ok")], said
    assert numbers == list(range(1, int(lines[0].removeprefix("1..")) + 1)), f"not all ran: {said}"


@pytest.mark.parametrize(
    ("name", "damage", "complaint"),
    [
        ("tables", "ALTER TABLE wallet.account ALTER email DROP NOT NULL", "columns of account"),
        (
            "tables",
            "ALTER TABLE wallet.transaction DROP CONSTRAINT transaction_two_accounts",
            "constraints of transaction",
        ),
        ("tables", "CREATE INDEX later ON wallet.account (balance)", "indexes; none is on"),
        ("tables", "ALTER TABLE wallet.reversal ENABLE TRIGGER reversal_history", "triggers"),
        (
            "tables",
            "ALTER TABLE wallet.pending_transfer ALTER id DROP DEFAULT",
            "columns of pending_transfer",
        ),
        (
            "tables",
            "DROP TRIGGER failed_transfer_history ON wallet.failed_transfer",
            "triggers",
        ),
        (
            "views",
            "ALTER TYPE wallet.outcome RENAME ATTRIBUTE hint TO advice",
            "columns of outcome",
        ),
        ("functions", "ALTER FUNCTION wallet.get_outcome VOLATILE", "language, volatility"),
        ("views", "ALTER VIEW wallet.entry RENAME balance TO rest", "columns of entry"),
        ("functions", "ALTER FUNCTION wallet.post SECURITY DEFINER", "whose rights they run with"),
        (
            "functions",
            "ALTER FUNCTION wallet.transfer(bigint, bigint, numeric) RESET ALL",
            "pins the search_path",
        ),
        (
            "functions",
            "ALTER FUNCTION wallet.transfer(bigint, bigint, numeric) STRICT",
            "none answers NULL to a NULL",
        ),
        ("privileges", "GRANT UPDATE (email) ON wallet.account TO wallet_app", "has any privilege"),
        ("privileges", "GRANT EXECUTE ON FUNCTION wallet.post TO PUBLIC", "PUBLIC executes"),
        (
            "privileges",
            "GRANT EXECUTE ON FUNCTION wallet.deposit(bigint, numeric) TO wallet_reader",
            "wallet_reader executes what reads",
        ),
        (
            "privileges",
            "GRANT EXECUTE ON FUNCTION wallet.cancel_pending TO wallet_app",
            "wallet_app executes what the service calls",
        ),
        ("privileges", "ALTER TABLE wallet.account OWNER TO CURRENT_USER", "owns every table"),
    ],
)
def test_a_difference_is_seen(name: str, damage: str, complaint: str, database: Database) -> None:
    database.execute(damage)
    lines = run(CHECKOUT / f"tests/pgtap/{name}.sql", database)
    assert any(line.startswith("not ok") and complaint in line for line in lines), "\n".join(lines)
