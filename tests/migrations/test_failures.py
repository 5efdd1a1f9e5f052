"""A change that fails takes nothing else with it, least of all the tables with the money."""

from __future__ import annotations

from pathlib import Path

from tests.migrations.project import HERE, deployed, record
from tests.support.calls import call, ledger, open_accounts, rows
from tests.support.databases import Database, assert_sound

GOOD = {
    "deploy": "CREATE TABLE wallet.good ();",
    "revert": "DROP TABLE wallet.good;",
    "verify": "SELECT FROM wallet.good;",
}
BAD = {kind: text.replace("good", "bad") for kind, text in GOOD.items()}


def test_a_failing_script_reverts_its_change_alone(database: Database, tmp_path: Path) -> None:
    record(database)
    copy = HERE.copy(tmp_path)
    copy.add("good", **GOOD)
    copy.add("bad", **BAD)
    with database.connect() as admin:
        open_accounts(admin, "10", "0")
        call(admin, "transfer", 1, 2, "2.50")
        before = ledger(admin)
        for kind in ("deploy", "verify"):
            script = tmp_path / f"{kind}/bad.sql"
            sound = script.read_text()
            script.write_text(sound.replace(";\n", "; SELECT 1 / 0;\n", 1))
            done = copy.run(database, "deploy")
            assert done.returncode != 0
            assert "division by zero" in done.stdout
            assert deployed(database) == [*HERE.names(), "good"]
            assert rows(admin, "SELECT to_regclass('wallet.bad') AS bad") == [{"bad": None}]
            assert ledger(admin) == before
            script.write_text(sound)
        copy.sqitch(database, "deploy")
        assert deployed(database) == [*HERE.names(), "good", "bad"]
        assert ledger(admin) == before
        assert_sound(admin)
