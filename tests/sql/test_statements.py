"""get_statement() pages through an account's entries, the newest first."""

from __future__ import annotations

import random
from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest

from tests.support.calls import (
    CREATE_ACCOUNT,
    DEPOSIT,
    GET_STATEMENT,
    REVERSE,
    TRANSFER,
    WITHDRAW,
    Connection,
    answer,
    call,
    open_accounts,
    refusal,
    rows,
)
from tests.support.databases import assert_sound
from tests.support.model import ACCOUNT_NOT_FOUND, INVALID_PAGE_SIZE, LedgerModel, Line, Transaction
from tests.support.seeds import fresh_seed

LARGEST = 2**63 - 1


def entries(app: Connection, *arguments: object) -> list[int]:
    """The numbers of the entries that a page has."""
    return [line["entry"] for line in rows(app, GET_STATEMENT, *arguments)]


def pages(app: Connection, account_id: int, page_size: int) -> list[list[dict[str, Any]]]:
    """Every page that has a line, each asked for by the last entry of the one before."""
    walked: list[list[dict[str, Any]]] = []
    before = None
    while page := rows(app, GET_STATEMENT, account_id, before, page_size):
        walked.append(page)
        before = page[-1]["entry"]
    return walked


@pytest.fixture
def mixed(app: Connection) -> LedgerModel:
    """Three accounts with some hundred entries of every kind, and the model of them."""
    rng = random.Random(fresh_seed())
    model = LedgerModel()
    for id in (1, 2, 3):
        model.open(call(app, CREATE_ACCOUNT, "ada@example.com")["id"], "ada@example.com")
        act(app, model, DEPOSIT, id, Decimal(1000))
    for _ in range(250):
        one, other = rng.sample([1, 2, 3], 2)
        amount = Decimal(rng.randint(1, 5000)).scaleb(-2)
        kind = rng.choice(["deposit", "withdraw", "transfer", "transfer", "reverse"])
        if kind == "deposit":
            act(app, model, DEPOSIT, one, amount)
        elif kind == "withdraw":
            act(app, model, WITHDRAW, one, amount)
        elif kind == "transfer":
            act(app, model, TRANSFER, one, other, amount)
        else:
            act(app, model, REVERSE, rng.choice(list(model.transactions)))
    return model


def act(app: Connection, model: LedgerModel, statement: str, *arguments: Any) -> None:
    """Make a call twice, here and there, and record what was made."""
    methods: dict[str, Callable[..., Transaction | str]] = {
        DEPOSIT: model.deposit,
        WITHDRAW: model.withdraw,
        TRANSFER: model.transfer,
        REVERSE: model.reverse,
    }
    expected = methods[statement](*arguments)
    answered = answer(app, statement, *arguments)
    if isinstance(expected, Transaction):
        assert not isinstance(answered, str)
        model.record(answered["id"], expected)
    else:
        assert answered == expected


@pytest.mark.parametrize("page_size", [1, 7, 50, 1000])
def test_a_walk_from_page_to_page_is_the_models_statement(
    app: Connection, admin: Connection, mixed: LedgerModel, page_size: int
) -> None:
    for id in (1, 2, 3):
        walked = pages(app, id, page_size)
        assert {len(page) for page in walked[:-1]} <= {page_size}
        lines = [line for page in walked for line in page]
        made = {t["id"]: t for t in rows(admin, "SELECT * FROM wallet.transaction")}
        for line in lines:
            transaction = made[line.pop("transaction_id")]
            side = "target" if line["amount"] > 0 else "source"
            assert transaction[f"{side}_account_id"] == id
            assert transaction[f"{side}_entry"] == line["entry"]
            assert line.pop("ctime") == transaction["ctime"]
        assert [Line(**line) for line in lines] == mixed.lines[id][::-1]
    assert_sound(admin)


def test_the_mixed_ledger_has_lines_of_every_kind(mixed: LedgerModel) -> None:
    assert {line.kind for lines in mixed.lines.values() for line in lines} == {
        *("deposit", "withdrawal", "transfer_in", "transfer_out", "reversal")
    }


def test_each_kind_of_entry_has_its_sign_its_counterparty_and_the_balance_after_it(
    app: Connection, admin: Connection
) -> None:
    open_accounts(app, "100", "50")
    call(app, TRANSFER, 1, 2, 30)
    call(app, TRANSFER, 2, 1, "10.5")
    call(app, WITHDRAW, 1, 20)
    for id in (3, 5):
        call(app, REVERSE, id)
    columns = "entry, transaction_id AS id, kind, counterparty_account_id AS other, amount, balance"
    statement = rows(app, f"SELECT {columns} FROM wallet.get_statement(1)")
    assert [tuple(str(value) for value in line.values()) for line in statement] == [
        ("6", "7", "reversal", "None", "20.00", "110.50"),
        ("5", "6", "reversal", "2", "30.00", "90.50"),
        ("4", "5", "withdrawal", "None", "-20.00", "60.50"),
        ("3", "4", "transfer_in", "2", "10.50", "80.50"),
        ("2", "3", "transfer_out", "2", "-30.00", "70.00"),
        ("1", "1", "deposit", "None", "100.00", "100.00"),
    ]
    assert_sound(admin)


def test_a_page_has_50_lines_unless_told(app: Connection) -> None:
    open_accounts(app, "1")
    app.execute("SELECT wallet.deposit(1, 1) FROM generate_series(1, 59)")
    assert len(rows(app, "SELECT * FROM wallet.get_statement(1)")) == 50
    assert len(rows(app, "SELECT * FROM wallet.get_statement(1, 11)")) == 10
    named = "SELECT * FROM wallet.get_statement(page_size => 2, before => 4, account_id => 1)"
    assert [line["entry"] for line in rows(app, named)] == [3, 2]


@pytest.mark.parametrize(
    ("before", "page_size", "expected"),
    [
        (None, 2, [5, 4]),
        (None, 5, [5, 4, 3, 2, 1]),
        (None, 1000, [5, 4, 3, 2, 1]),
        (LARGEST, 2, [5, 4]),
        (7, 2, [5, 4]),
        (6, 2, [5, 4]),
        (5, 2, [4, 3]),
        (3, 2, [2, 1]),
        (2, 2, [1]),
        (2, 1, [1]),
        (1, 2, []),
        (0, 2, []),
        (-1, 1000, []),
        (-LARGEST - 1, 1000, []),
    ],
)
def test_a_page_has_the_entries_before_the_one_named(
    app: Connection, before: int | None, page_size: int, expected: list[int]
) -> None:
    open_accounts(app, "1")
    app.execute("SELECT wallet.deposit(1, 1) FROM generate_series(1, 4)")
    assert entries(app, 1, before, page_size) == expected


def test_an_account_without_entries_has_an_empty_statement(app: Connection) -> None:
    open_accounts(app, "0", "10")
    for before in (None, 1, 0, LARGEST):
        assert entries(app, 1, before, 50) == []


@pytest.mark.parametrize("page_size", [0, -1, 1001, 2**31 - 1, -(2**31), None])
def test_a_page_size_that_is_not_1_to_1000_is_refused_by_name(
    app: Connection, page_size: int | None
) -> None:
    open_accounts(app, "10")
    for account_id in (1, 77):
        diagnostic = refusal(app, GET_STATEMENT, account_id, None, page_size)
        assert diagnostic.sqlstate == INVALID_PAGE_SIZE
        assert diagnostic.message_primary == "invalid page size"
        said = "NULL" if page_size is None else str(page_size)
        assert diagnostic.message_detail == f"The page size is {said}."
        assert diagnostic.message_hint == "Give a page size of 1 to 1000."


@pytest.mark.parametrize("account_id", [77, 0, -1, LARGEST, None])
def test_an_account_that_is_not_there_has_no_statement(
    app: Connection, account_id: int | None
) -> None:
    assert refusal(app, GET_STATEMENT, account_id, None, 50).sqlstate == ACCOUNT_NOT_FOUND


def test_lines_that_come_meanwhile_move_no_page(app: Connection) -> None:
    """A page is named by an entry and not by how far it is from the newest."""
    open_accounts(app, "1")
    app.execute("SELECT wallet.deposit(1, 1) FROM generate_series(1, 9)")
    first = entries(app, 1, None, 4)
    second = rows(app, GET_STATEMENT, 1, first[-1], 4)
    app.execute("SELECT wallet.deposit(1, 1) FROM generate_series(1, 9)")
    assert rows(app, GET_STATEMENT, 1, first[-1], 4) == second
