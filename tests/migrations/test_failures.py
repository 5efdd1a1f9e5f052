"""A change that fails takes nothing else with it: above all not the tables with the money."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.migrations.project import HERE, deployed, names
from tests.support.databases import Database, assert_sound

GOOD = {
    "deploy": "CREATE TABLE wallet.good ();",
    "revert": "DROP TABLE wallet.good;",
    "verify": "SELECT FROM wallet.good;",
}
BAD = {
    "deploy": "CREATE TABLE wallet.bad ();",
    "revert": "DROP TABLE wallet.bad;",
    "verify": "SELECT FROM wallet.bad;",
}


def rows(database: Database) -> list[Any]:
    return [
        database.execute(f"SELECT * FROM wallet.{table} ORDER BY id")
        for table in ("account", "transaction")
    ]


@pytest.mark.parametrize(
    "broken",
    [
        pytest.param({"deploy": "CREATE TABLE wallet.bad (); SELECT 1 / 0;"}, id="deploy"),
        pytest.param({"verify": "SELECT 1 / 0;"}, id="verify"),
    ],
)
def test_a_failing_script_reverts_its_change_alone(
    deployed_database: Database, tmp_path: Path, broken: dict[str, str]
) -> None:
    database = deployed_database
    with database.connect() as connection:
        for _ in range(2):
            connection.execute("SELECT wallet.create_account('ada@example.com')")
        connection.execute("SELECT wallet.deposit(1, 10)")
        connection.execute("SELECT wallet.transfer(1, 2, 2.50)")
    before = rows(database)
    copy = HERE.copy(tmp_path)
    copy.add("good", **GOOD)
    copy.add("bad", **{**BAD, **broken})

    done = copy.run(database, "deploy")
    assert done.returncode != 0
    assert "division by zero" in done.stdout
    assert deployed(database) == [*names(), "good"]
    tables = "SELECT to_regclass('wallet.good') AS good, to_regclass('wallet.bad') AS bad"
    assert database.execute(tables) == [{"good": "wallet.good", "bad": None}]
    assert rows(database) == before
    with database.connect() as connection:
        assert_sound(connection)

    (tmp_path / "deploy/bad.sql").write_text(f"BEGIN;\n{BAD['deploy']}\nCOMMIT;\n")
    (tmp_path / "verify/bad.sql").write_text(f"BEGIN;\n{BAD['verify']}\nROLLBACK;\n")
    copy.sqitch(database, "deploy")
    assert deployed(database) == [*names(), "good", "bad"]
    assert rows(database) == before
