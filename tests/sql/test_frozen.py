"""A frozen account keeps its balance and refuses new transactions; reads go on."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tests.support.calls import (
    BALANCE_AT,
    CREATE_ACCOUNT,
    DEPOSIT,
    FIND_ACCOUNTS,
    FREEZE_ACCOUNT,
    GET_ACCOUNT,
    GET_STATEMENT,
    GET_TRANSACTION,
    TRANSFER,
    UNFREEZE_ACCOUNT,
    WITHDRAW,
    Connection,
    answer,
    call,
    ledger,
    open_accounts,
    refusal,
    rows,
)
from tests.support.databases import Database, assert_sound
from tests.support.model import ACCOUNT_FROZEN
from tests.support.threads import background, wait_until_blocked

# Each way to take part in a transaction, for account 1.
PARTS = [
    (DEPOSIT, (1, 5)),
    (WITHDRAW, (1, 5)),
    (TRANSFER, (1, 2, 5)),
    (TRANSFER, (2, 1, 5)),
]


def test_a_new_account_is_not_frozen(app: Connection) -> None:
    assert call(app, CREATE_ACCOUNT, "ada@example.com")["frozen"] is False


@pytest.mark.parametrize(("statement", "arguments"), PARTS)
def test_a_frozen_account_takes_part_on_neither_side(
    app: Connection, admin: Connection, statement: str, arguments: tuple[int, ...]
) -> None:
    open_accounts(app, "100", "100")
    assert call(admin, FREEZE_ACCOUNT, 1)["frozen"] is True
    before = ledger(admin)
    diagnostic = refusal(app, statement, *arguments)
    assert diagnostic.sqlstate == ACCOUNT_FROZEN
    assert diagnostic.message_detail == "Account 1 takes no part in new transactions."
    assert ledger(admin) == before

    assert call(admin, UNFREEZE_ACCOUNT, 1)["frozen"] is False
    call(app, statement, *arguments)
    assert_sound(admin)


def test_of_two_frozen_accounts_the_source_is_named(app: Connection, admin: Connection) -> None:
    open_accounts(app, "100", "100")
    for id in (1, 2):
        call(admin, FREEZE_ACCOUNT, id)
    for source, target in ((1, 2), (2, 1)):
        diagnostic = refusal(app, TRANSFER, source, target, 5)
        assert f"Account {source} " in (diagnostic.message_detail or "")


def test_a_frozen_account_keeps_its_balance_and_can_be_read(
    app: Connection, admin: Connection
) -> None:
    (id,) = open_accounts(app, "100")
    reads = [
        (GET_ACCOUNT, (id,)),
        (GET_TRANSACTION, (1,)),
        (GET_STATEMENT, (id, None, 50)),
        (FIND_ACCOUNTS, ("ada@example.com",)),
        (BALANCE_AT, (id, "infinity")),
    ]
    before = [rows(app, statement, *arguments) for statement, arguments in reads]
    frozen = call(admin, FREEZE_ACCOUNT, id)
    after = [rows(app, statement, *arguments) for statement, arguments in reads]
    assert after[0] == after[3] == [frozen] == [{**before[0][0], "frozen": True}]
    assert [after[1], after[2], after[4]] == [before[1], before[2], before[4]]
    assert_sound(admin)


def test_freezing_touches_no_other_account(app: Connection, admin: Connection) -> None:
    open_accounts(app, "100", "100", "0")
    call(admin, FREEZE_ACCOUNT, 1)
    assert call(app, GET_ACCOUNT, 2)["frozen"] is False
    call(app, TRANSFER, 2, 3, 5)
    assert_sound(admin)


@pytest.mark.parametrize("statement", [FREEZE_ACCOUNT, UNFREEZE_ACCOUNT])
def test_freezing_or_unfreezing_twice_changes_nothing(
    app: Connection, admin: Connection, statement: str
) -> None:
    open_accounts(app, "100")
    first = call(admin, statement, 1)
    before = ledger(admin)
    assert call(admin, statement, 1) == first
    assert ledger(admin) == before


@pytest.mark.parametrize(("freezes", "answered"), [(True, ACCOUNT_FROZEN), (False, "done")])
def test_a_call_that_waited_sees_what_a_dba_decided_meanwhile(
    database: Database, app: Connection, admin: Connection, freezes: bool, answered: str
) -> None:
    open_accounts(app, "100", "0")
    with database.connect() as dba, database.connect("wallet_app") as waiting:
        dba.autocommit = False
        call(dba, FREEZE_ACCOUNT, 1)
        end: Callable[[], None] = dba.commit if freezes else dba.rollback
        with background(answer, waiting, TRANSFER, 1, 2, 5) as waiter:
            wait_until_blocked(admin, waiting, dba)
            end()
            result = waiter.result()
    assert (result if isinstance(result, str) else "done") == answered
    assert_sound(admin)
