"""A call that is cut short, at whatever point, leaves nothing half done and nothing locked."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import psycopg
import pytest

from tests.support.calls import Connection, call, ledger, open_accounts, value
from tests.support.databases import Database, assert_sound
from tests.support.threads import background, wait_until_blocked

# Where a transfer from 1 to 2 is brought to a halt, and by which lock of another session.
HALTS = {
    "before the first lock": "SELECT FROM wallet.account WHERE id = 1 FOR UPDATE",
    "between the two locks": "SELECT FROM wallet.account WHERE id = 2 FOR UPDATE",
    "after both locks": "LOCK TABLE wallet.transaction IN SHARE MODE",
    "after the transaction is written": "LOCK TABLE wallet.account IN SHARE MODE",
}
# How it is cut short, and the SQLSTATE that it is told.
CUTS = {"lock_timeout": "55P03", "statement_timeout": "57014", "cancel": "57014", "kill": "57P01"}


@contextmanager
def halted(database: Database, where: str) -> Iterator[Connection]:
    """Bring transfers from 1 to 2 to a halt while the body of a `with` runs."""
    with database.connect() as holder:
        holder.autocommit = False
        holder.execute(HALTS[where])
        yield holder
        holder.rollback()


@pytest.fixture(autouse=True)
def accounts(app: Connection) -> None:
    open_accounts(app, "100", "100")


def assert_a_transfer_still_works(app: Connection, admin: Connection) -> None:
    """Nothing is locked any more, and the entries go on without a gap."""
    app.execute("SET lock_timeout = '60s'")
    transaction = call(app, "transfer", 1, 2, 1)
    assert transaction["source_entry"] == transaction["target_entry"]
    assert_sound(admin)


def test_a_transfer_that_is_cut_short_leaves_nothing_done(
    database: Database, app: Connection, admin: Connection
) -> None:
    for where in HALTS:
        for cut, sqlstate in CUTS.items():
            before = ledger(admin)
            with database.connect("wallet_app") as waiting, halted(database, where) as holder:
                if "timeout" in cut:
                    waiting.execute(f"SET {cut} = '30ms'")
                with background(call, waiting, "transfer", 1, 2, 60) as waiter:
                    if "timeout" not in cut:
                        wait_until_blocked(admin, waiting, holder)
                        if cut == "kill":
                            kill(admin, waiting)
                        else:
                            waiting.cancel_safe()
                    with pytest.raises(psycopg.Error) as caught:
                        waiter.result()
            assert caught.value.sqlstate == sqlstate, (where, cut)
            assert ledger(admin) == before, (where, cut)
            assert_a_transfer_still_works(app, admin)


def kill(admin: Connection, victim: Connection) -> None:
    """End a backend, and wait until it is gone."""
    assert value(admin, "SELECT pg_terminate_backend(%s::int, 60000)", victim.info.backend_pid)
