"""A call that is cut short, at whatever point, leaves nothing half done and nothing locked."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager

import psycopg
import pytest
from psycopg.errors import AdminShutdown, LockNotAvailable, QueryCanceled

from tests.support.calls import TRANSFER, Connection, call, ledger, open_accounts
from tests.support.databases import Database, assert_sound
from tests.support.threads import background, wait_until_blocked

Hold = Callable[[], AbstractContextManager[Connection]]

# Where a transfer from 1 to 2 is brought to a halt, and by which lock of another session.
HALTS = {
    "before the first lock": "SELECT FROM wallet.account WHERE id = 1 FOR UPDATE",
    "between the two locks": "SELECT FROM wallet.account WHERE id = 2 FOR UPDATE",
    "after both locks": "LOCK TABLE wallet.transaction IN SHARE MODE",
    "after the transaction is written": "LOCK TABLE wallet.account IN SHARE MODE",
}


@pytest.fixture(params=HALTS)
def hold(request: pytest.FixtureRequest, database: Database) -> Hold:
    """Bring transfers from 1 to 2 to a halt while the body of a `with` runs."""

    @contextmanager
    def hold() -> Iterator[Connection]:
        with database.connect() as holder:
            holder.autocommit = False
            holder.execute(HALTS[request.param])
            yield holder
            holder.rollback()

    return hold


@pytest.fixture(autouse=True)
def accounts(app: Connection) -> None:
    open_accounts(app, "100", "100")


def assert_a_transfer_still_works(app: Connection, admin: Connection) -> None:
    """Nothing is locked any more, and the entries go on without a gap."""
    app.execute("SET lock_timeout = '60s'")
    transaction = call(app, TRANSFER, 1, 2, 60)
    assert (transaction["source_entry"], transaction["target_entry"]) == (2, 2)
    assert_sound(admin)


def test_a_transfer_that_cannot_change_the_accounts_is_written_down_by_then(
    database: Database, admin: Connection, waiting: Connection
) -> None:
    """The last of the halts is where it says: only the accounts are not changed yet."""
    with database.connect() as holder:
        holder.autocommit = False
        holder.execute(HALTS["after the transaction is written"])
        with background(call, waiting, TRANSFER, 1, 2, 60) as waiter:
            wait_until_blocked(admin, waiting, holder)
            rows = admin.execute(
                "SELECT relation::regclass::text AS name, granted FROM pg_locks "
                "WHERE pid = %s AND mode = 'RowExclusiveLock' AND relation::regclass "
                "IN ('wallet.account', 'wallet.transaction') ORDER BY name",
                (waiting.info.backend_pid,),
            ).fetchall()
            holder.rollback()
            assert waiter.result()["source_entry"] == 2
    assert rows == [
        {"name": "wallet.account", "granted": False},
        {"name": "wallet.transaction", "granted": True},
    ]
    assert_sound(admin)


def test_a_lock_timeout_leaves_nothing_done(
    hold: Hold, app: Connection, admin: Connection, waiting: Connection
) -> None:
    before = ledger(admin)
    waiting.execute("SET lock_timeout = '20ms'")
    with hold(), pytest.raises(LockNotAvailable) as caught:
        call(waiting, TRANSFER, 1, 2, 60)
    assert caught.value.sqlstate == "55P03"
    assert ledger(admin) == before
    assert_a_transfer_still_works(app, admin)


def test_a_statement_timeout_leaves_nothing_done(
    hold: Hold, app: Connection, admin: Connection, waiting: Connection
) -> None:
    before = ledger(admin)
    waiting.execute("SET statement_timeout = '50ms'")
    with hold(), pytest.raises(QueryCanceled) as caught:
        call(waiting, TRANSFER, 1, 2, 60)
    assert caught.value.sqlstate == "57014"
    assert ledger(admin) == before
    assert_a_transfer_still_works(app, admin)


def test_a_cancelled_call_leaves_nothing_done(
    hold: Hold, app: Connection, admin: Connection, waiting: Connection
) -> None:
    before = ledger(admin)
    with hold() as holder, background(call, waiting, TRANSFER, 1, 2, 60) as waiter:
        wait_until_blocked(admin, waiting, holder)
        waiting.cancel_safe()
        with pytest.raises(QueryCanceled):
            waiter.result()
    assert ledger(admin) == before
    assert_a_transfer_still_works(app, admin)


def test_a_killed_backend_leaves_nothing_done(
    hold: Hold, app: Connection, admin: Connection, waiting: Connection
) -> None:
    before = ledger(admin)
    with hold() as holder, background(call, waiting, TRANSFER, 1, 2, 60) as waiter:
        wait_until_blocked(admin, waiting, holder)
        kill(admin, waiting)
        with pytest.raises(AdminShutdown):
            waiter.result()
    assert ledger(admin) == before
    assert_a_transfer_still_works(app, admin)


def test_a_backend_killed_before_its_caller_commits_leaves_nothing_done(
    app: Connection, admin: Connection, holding: Connection
) -> None:
    before = ledger(admin)
    assert call(holding, TRANSFER, 1, 2, 60)["source_entry"] == 2
    kill(admin, holding)
    with pytest.raises(psycopg.OperationalError):
        holding.commit()
    assert ledger(admin) == before
    assert_a_transfer_still_works(app, admin)


def test_a_client_that_goes_away_before_it_commits_leaves_nothing_done(
    app: Connection, admin: Connection, holding: Connection
) -> None:
    before = ledger(admin)
    call(holding, TRANSFER, 1, 2, 60)
    holding.close()
    app.execute("SET lock_timeout = '60s'")
    transaction = call(app, TRANSFER, 1, 2, 1)
    assert (transaction["source_entry"], transaction["target_entry"]) == (2, 2)
    assert ledger(admin).transactions[:-1] == before.transactions
    assert_sound(admin)


def kill(admin: Connection, victim: Connection) -> None:
    """End a backend, and wait until it is gone."""
    row = call(admin, "SELECT pg_terminate_backend(%s, 60000) AS is_gone", victim.info.backend_pid)
    assert row["is_gone"]
