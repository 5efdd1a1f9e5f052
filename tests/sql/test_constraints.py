"""The tables' own checks stop a wrong write, even a superuser's and the owner's."""

from __future__ import annotations

import pytest

from tests.support.calls import Connection, ledger, open_accounts, refusal
from tests.support.databases import assert_sound

ACCOUNT = {
    "balance = 'NaN'": "account_balance_range",
    "balance = -0.01": "account_balance_range",
    "balance = -999999.99": "account_balance_range",
    "entry_count = -1": "account_entry_count_range",
    "email = ''": "account_email_length",
    "email = 'ab'": "account_email_length",
    "email = repeat('a', 255)": "account_email_length",
}
SIDES = (
    *("source_account_id", "source_entry", "source_balance"),
    *("target_account_id", "target_entry", "target_balance"),
)
# numeric(8,2) has no room for these.
TOO_LARGE = ("balance = 1000000", "balance = 999999.995", "balance = 'Infinity'")
NOT_NULL = ("email", "balance", "ctime", "mtime", "entry_count", "frozen")

# What a right row would hold, and what one wrong value is stopped by.
RIGHT = {
    "source_account_id": "1",
    "target_account_id": "2",
    "amount": "1.00",
    "ctime": "clock_timestamp()",
    "source_entry": "2",
    "target_entry": "2",
    "source_balance": "9.00",
    "target_balance": "11.00",
}
TRANSACTION = [
    ({"amount": "'NaN'"}, "transaction_amount_range"),
    ({"amount": "0"}, "transaction_amount_range"),
    ({"amount": "0.004"}, "transaction_amount_range"),
    ({"amount": "-1"}, "transaction_amount_range"),
    ({"target_account_id": "1"}, "transaction_two_accounts"),
    ({"source_account_id": "NULL"}, "transaction_source_complete"),
    ({"source_entry": "NULL"}, "transaction_source_complete"),
    ({"source_balance": "NULL"}, "transaction_source_complete"),
    ({"source_entry": "NULL", "source_balance": "NULL"}, "transaction_source_complete"),
    ({"source_account_id": "NULL", "source_entry": "NULL"}, "transaction_source_complete"),
    ({"source_account_id": "NULL", "source_balance": "NULL"}, "transaction_source_complete"),
    ({"target_account_id": "NULL"}, "transaction_target_complete"),
    ({"target_entry": "NULL"}, "transaction_target_complete"),
    ({"target_balance": "NULL"}, "transaction_target_complete"),
    ({"target_entry": "NULL", "target_balance": "NULL"}, "transaction_target_complete"),
    ({"target_account_id": "NULL", "target_entry": "NULL"}, "transaction_target_complete"),
    ({"target_account_id": "NULL", "target_balance": "NULL"}, "transaction_target_complete"),
    (dict.fromkeys(SIDES, "NULL"), "transaction_some_account"),
    ({"source_entry": "0"}, "transaction_entry_range"),
    ({"target_entry": "0"}, "transaction_entry_range"),
    ({"target_entry": "-1"}, "transaction_entry_range"),
    ({"source_balance": "-0.01"}, "transaction_balance_range"),
    ({"source_balance": "'NaN'"}, "transaction_balance_range"),
    ({"target_balance": "-0.01"}, "transaction_balance_range"),
    ({"target_balance": "'NaN'"}, "transaction_balance_range"),
    ({"target_entry": "1"}, "transaction_target_entry"),
]
EVERY_WRITER = pytest.mark.parametrize("role", ["postgres", "wallet_owner"])


@pytest.fixture
def writer(app: Connection, admin: Connection, role: str) -> Connection:
    """A superuser, or one who has become the owner of the tables."""
    open_accounts(app, "10", "10", "10")
    if role == "wallet_owner":
        admin.execute("SET ROLE wallet_owner")
    return admin


def insert(values: dict[str, str]) -> str:
    columns, expressions = ", ".join(values), ", ".join(values.values())
    return f"INSERT INTO wallet.transaction ({columns}) VALUES ({expressions})"


@EVERY_WRITER
@pytest.mark.parametrize(("assignment", "constraint"), ACCOUNT.items())
def test_no_writer_breaks_an_account(writer: Connection, assignment: str, constraint: str) -> None:
    before = ledger(writer)
    diagnostic = refusal(writer, f"UPDATE wallet.account SET {assignment} WHERE id = 1")
    assert (diagnostic.sqlstate, diagnostic.constraint_name) == ("23514", constraint)
    assert ledger(writer) == before


@EVERY_WRITER
@pytest.mark.parametrize("assignment", TOO_LARGE)
def test_no_writer_fills_an_account_past_the_limit(writer: Connection, assignment: str) -> None:
    before = ledger(writer)
    diagnostic = refusal(writer, f"UPDATE wallet.account SET {assignment} WHERE id = 1")
    assert diagnostic.sqlstate == "22003"
    assert ledger(writer) == before


@EVERY_WRITER
@pytest.mark.parametrize("column", NOT_NULL)
def test_no_column_of_an_account_is_null(writer: Connection, column: str) -> None:
    diagnostic = refusal(writer, f"UPDATE wallet.account SET {column} = NULL WHERE id = 1")
    assert (diagnostic.sqlstate, diagnostic.column_name) == ("23502", column)


@EVERY_WRITER
def test_no_writer_renumbers_an_account(writer: Connection) -> None:
    statement = "UPDATE wallet.account SET id = 77 WHERE id = 1"
    assert refusal(writer, statement).sqlstate == "428C9"  # generated_always


@EVERY_WRITER
@pytest.mark.parametrize(("wrong", "constraint"), TRANSACTION)
def test_no_writer_adds_a_wrong_transaction(
    writer: Connection, wrong: dict[str, str], constraint: str
) -> None:
    before = ledger(writer)
    diagnostic = refusal(writer, insert({**RIGHT, **wrong}))
    assert diagnostic.constraint_name == constraint
    assert (diagnostic.sqlstate or "").startswith("23")
    assert ledger(writer) == before


@EVERY_WRITER
@pytest.mark.parametrize("column", ["amount", "ctime"])
def test_a_transaction_needs_an_amount_and_a_time(writer: Connection, column: str) -> None:
    diagnostic = refusal(writer, insert({**RIGHT, column: "NULL"}))
    assert (diagnostic.sqlstate, diagnostic.column_name) == ("23502", column)


@EVERY_WRITER
def test_no_source_gives_an_entry_number_out_twice(writer: Connection) -> None:
    writer.execute(insert(RIGHT))
    diagnostic = refusal(writer, insert({**RIGHT, "target_account_id": "3"}))
    assert diagnostic.constraint_name == "transaction_source_entry"


@EVERY_WRITER
def test_no_target_gives_an_entry_number_out_twice(writer: Connection) -> None:
    writer.execute(insert(RIGHT))
    diagnostic = refusal(writer, insert({**RIGHT, "source_account_id": "3"}))
    assert diagnostic.constraint_name == "transaction_target_entry"


@EVERY_WRITER
@pytest.mark.parametrize(
    ("values", "constraint"),
    [
        ("(2, 1)", "reversal_pkey"),
        ("(3, 1)", "reversal_reverses_key"),
        ("(3, 3)", "reversal_comes_later"),
        ("(1, 3)", "reversal_comes_later"),
        ("(77, 3)", "reversal_transaction_id_fkey"),
        ("(3, 0)", "reversal_reverses_fkey"),
        ("(3, NULL)", None),
    ],
)
def test_no_writer_adds_a_wrong_reversal(
    writer: Connection, values: str, constraint: str | None
) -> None:
    writer.execute("INSERT INTO wallet.reversal VALUES (2, 1)")
    before = ledger(writer)
    diagnostic = refusal(writer, f"INSERT INTO wallet.reversal VALUES {values}")
    assert diagnostic.constraint_name == constraint
    assert (diagnostic.sqlstate or "").startswith("23")
    assert ledger(writer) == before


@EVERY_WRITER
@pytest.mark.parametrize(
    "statement", ["DELETE FROM wallet.account WHERE id = 1", "TRUNCATE wallet.account"]
)
def test_an_account_stays(writer: Connection, statement: str) -> None:
    """What foreign keys would see to, and would look up for each transaction."""
    before = ledger(writer)
    assert refusal(writer, statement).sqlstate == "42501"
    assert ledger(writer) == before


@pytest.mark.parametrize("role", ["postgres"])
def test_a_right_row_passes_and_a_wrong_ledger_is_seen(writer: Connection) -> None:
    """The wrong rows above differ from this one in what is named alone."""
    writer.execute(insert(RIGHT))
    with pytest.raises(AssertionError, match=r"entry_count|balance"):
        assert_sound(writer)
    writer.execute("UPDATE wallet.account SET balance = 9, entry_count = 2 WHERE id = 1")
    writer.execute("UPDATE wallet.account SET balance = 11, entry_count = 2 WHERE id = 2")
    writer.execute(
        "UPDATE wallet.account SET mtime = (SELECT max(ctime) FROM wallet.transaction) "
        "WHERE id IN (1, 2)"
    )
    assert_sound(writer)
