"""A frozen account keeps its balance and refuses new transactions; reads go on."""

from __future__ import annotations

from tests.support.calls import Connection, answer, call, ledger, open_accounts, refusal, rows
from tests.support.databases import Database, assert_sound
from tests.support.threads import background, wait_until_blocked

# Each way to take part in a transaction, for account 1.
PARTS = [
    ("deposit", (1, 5)),
    ("withdraw", (1, 5)),
    ("transfer", (1, 2, 5)),
    ("transfer", (2, 1, 5)),
]


def test_a_frozen_account_takes_part_on_neither_side_and_can_be_read(
    app: Connection, admin: Connection
) -> None:
    open_accounts(app, "100", "100", "0")
    account = call(app, "get_account", 1)
    frozen = {**account, "frozen": True}
    for _ in range(2):  # The second time changes nothing.
        assert call(admin, "freeze_account", 1) == frozen
    before = ledger(admin)
    for function, arguments in PARTS:
        diagnostic = refusal(app, function, *arguments)
        assert diagnostic.sqlstate == "WL008", (function, arguments)
        assert diagnostic.message_detail == "Account 1 takes no part in new transactions."
    assert ledger(admin) == before
    assert call(app, "get_account", 1) == rows(app, "find_accounts", "ada@example.com")[0] == frozen
    assert [line["entry"] for line in rows(app, "get_statement", 1)] == [1]
    call(app, "transfer", 2, 3, 5)  # Others are free.
    for _ in range(2):
        assert call(admin, "unfreeze_account", 1) == account
    for function, arguments in PARTS:
        call(app, function, *arguments)
    assert_sound(admin)


def test_of_two_frozen_accounts_the_source_is_named(app: Connection, admin: Connection) -> None:
    open_accounts(app, "100", "100")
    for id in (1, 2):
        call(admin, "freeze_account", id)
    for source, target in ((1, 2), (2, 1)):
        diagnostic = refusal(app, "transfer", source, target, 5)
        assert f"Account {source} " in (diagnostic.message_detail or "")


def test_a_call_that_waited_sees_what_a_dba_decided_meanwhile(
    database: Database, app: Connection, admin: Connection
) -> None:
    open_accounts(app, "100", "0")
    for end in ("ROLLBACK", "COMMIT"):
        with database.connect() as dba, database.connect("wallet_app") as waiting:
            dba.execute("BEGIN")
            call(dba, "freeze_account", 1)
            with background(answer, waiting, "transfer", 1, 2, 5) as waiter:
                wait_until_blocked(admin, waiting, dba)
                dba.execute(end)
                assert (waiter.result() == "WL008") == (end == "COMMIT")
    assert_sound(admin)
