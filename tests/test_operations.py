"""What docs/operations.md tells an operator to do works as it stands there."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.http.processes import OwnServer
from tests.migrations.project import record
from tests.support.calls import Connection, call, ledger, open_accounts
from tests.support.databases import Database, assert_sound
from tests.support.documents import commands
from tools.embedded import CHECKOUT


@pytest.fixture
def another_server() -> Iterator[OwnServer]:
    server = OwnServer()
    server.start()
    yield server
    server.remove()


def follow(heading: str, database: Database, folder: Path) -> list[str]:
    """Run a section's commands in a folder with the plan, and return what each printed."""
    for name in ("sqitch.plan", "sqitch.conf", "deploy", "verify", "sql"):
        if not (folder / name).exists():
            (folder / name).symlink_to(CHECKOUT / name)
    return [
        subprocess.run(
            ["bash", "-euc", command],
            cwd=folder,
            env={**os.environ, **database.environ()},
            stdout=subprocess.PIPE,
            text=True,
            check=True,
        ).stdout
        for command in commands(heading)
    ]


def test_a_backup_restored_on_another_server_is_the_same_ledger_and_can_be_upgraded(
    database: Database, another_server: OwnServer, tmp_path: Path
) -> None:
    record(database)
    with database.connect("wallet_app") as app:
        open_accounts(app, "10", "20", "0")
        call(app, "transfer", 1, 3, "2.50")
        call(app, "enqueue_transfer", 2, 3, "1")
    follow("Back up and restore", database, tmp_path)
    restored = Database(another_server, database.name)
    *_, audit = follow("Restore a backup", restored, tmp_path)
    assert "(0 rows)" in audit
    follow("Upgrades", restored, tmp_path)
    with database.connect() as admin, restored.connect() as other:
        assert ledger(other) == ledger(admin)
    with restored.connect("wallet_app") as app, restored.connect() as admin:
        call(app, "process_pending", 10)
        assert call(app, "transfer", 2, 1, 1)["target_entry"] == 3
        assert_sound(admin)


def test_a_balance_that_was_altered_is_found_and_put_right(
    database: Database, app: Connection, admin: Connection, tmp_path: Path
) -> None:
    open_accounts(app, "10", "20")
    admin.execute("UPDATE wallet.account SET balance = 11 WHERE id = 1")
    found, *_, audit, unfrozen = follow("When the audit finds something", database, tmp_path)
    assert "(0 rows)" not in found
    assert "(0 rows)" in audit
    assert "| f" in unfrozen
    assert_sound(admin)
