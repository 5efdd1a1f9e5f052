"""A request with a key is done once: a second call with the key gives the first answer again."""

from __future__ import annotations

from typing import Any

import pytest

from tests.support.calls import (
    CREATE_ACCOUNT,
    DEPOSIT,
    GET_TRANSACTION,
    REVERSE,
    TRANSFER,
    WITHDRAW,
    Connection,
    call,
    ledger,
    open_accounts,
    refusal,
    rows,
)
from tests.support.databases import assert_sound
from tests.support.model import (
    ACCOUNT_FROZEN,
    ACCOUNT_NOT_FOUND,
    ALREADY_REVERSED,
    BALANCE_LIMIT_EXCEEDED,
    IDEMPOTENCY_KEY_REUSED,
    INSUFFICIENT_FUNDS,
    INVALID_AMOUNT,
    INVALID_EMAIL,
    NOT_REVERSIBLE,
    SAME_ACCOUNT,
    TRANSACTION_NOT_FOUND,
)

INVALID_PARAMETER_VALUE = "22023"
SERIALIZATION_FAILURE = "40001"

# An answer's parts as columns of their own, NULL where the answer has none.
ANSWER = """
    SELECT a.replayed, to_jsonb(a.account) AS account, to_jsonb(a.transaction) AS transaction,
           (a.refusal).sqlstate, (a.refusal).message, (a.refusal).detail, (a.refusal).hint
    FROM wallet.{} a
"""
KEYED_CREATE_ACCOUNT = ANSWER.format("create_account(%s, %s)")
KEYED_DEPOSIT = ANSWER.format("deposit(%s, %s, %s)")
KEYED_WITHDRAW = ANSWER.format("withdraw(%s, %s, %s)")
KEYED_TRANSFER = ANSWER.format("transfer(%s, %s, %s, %s)")
KEYED_REVERSE = ANSWER.format("reverse(%s, %s)")

# Three accounts that hold 100.00, 50.00 and 999999.99, by the transactions 1 to 3.
OPERATIONS: dict[str, tuple[str, str, tuple[object, ...]]] = {
    "create_account": (CREATE_ACCOUNT, KEYED_CREATE_ACCOUNT, ("Ada@example.com",)),
    "deposit": (DEPOSIT, KEYED_DEPOSIT, (1, "5.005")),
    "withdraw": (WITHDRAW, KEYED_WITHDRAW, (1, "5.005")),
    "transfer": (TRANSFER, KEYED_TRANSFER, (1, 2, "5.005")),
    "reverse": (REVERSE, KEYED_REVERSE, (1,)),
}
EVERY_OPERATION = pytest.mark.parametrize("operation", OPERATIONS)
REFUSED: list[tuple[str, tuple[object, ...], str]] = [
    (KEYED_DEPOSIT, (77, 1), ACCOUNT_NOT_FOUND),
    (KEYED_DEPOSIT, (None, 1), ACCOUNT_NOT_FOUND),
    (KEYED_TRANSFER, (1, 77, 1), ACCOUNT_NOT_FOUND),
    (KEYED_REVERSE, (77,), TRANSACTION_NOT_FOUND),
    (KEYED_REVERSE, (None,), TRANSACTION_NOT_FOUND),
    (KEYED_WITHDRAW, (1, "100.01"), INSUFFICIENT_FUNDS),
    (KEYED_TRANSFER, (1, 2, "100.01"), INSUFFICIENT_FUNDS),
    (KEYED_DEPOSIT, (3, "0.01"), BALANCE_LIMIT_EXCEEDED),
    (KEYED_DEPOSIT, (4, 1), ACCOUNT_FROZEN),
    (KEYED_REVERSE, (5,), ALREADY_REVERSED),
    (KEYED_REVERSE, (6,), NOT_REVERSIBLE),
]
INVALID: list[tuple[str, tuple[object, ...], str]] = [
    (KEYED_CREATE_ACCOUNT, ("ada",), INVALID_EMAIL),
    (KEYED_CREATE_ACCOUNT, (None,), INVALID_EMAIL),
    (KEYED_DEPOSIT, (1, "0.004"), INVALID_AMOUNT),
    (KEYED_DEPOSIT, (1, None), INVALID_AMOUNT),
    (KEYED_DEPOSIT, (1, "NaN"), INVALID_AMOUNT),
    (KEYED_DEPOSIT, (1, "-Infinity"), INVALID_AMOUNT),
    (KEYED_DEPOSIT, (1, "1e131071"), INVALID_AMOUNT),
    (KEYED_DEPOSIT, (1, "1e-16383"), INVALID_AMOUNT),
    (KEYED_WITHDRAW, (1, "1000000"), INVALID_AMOUNT),
    (KEYED_TRANSFER, (1, 2, 0), INVALID_AMOUNT),
    (KEYED_TRANSFER, (1, 1, 1), SAME_ACCOUNT),
]


@pytest.fixture(autouse=True)
def accounts(app: Connection, admin: Connection) -> None:
    """Account 4 is frozen; transaction 6 has reversed transaction 5."""
    open_accounts(app, "100", "50", "999999.99", "70")
    call(app, DEPOSIT, 1, 7)
    call(app, REVERSE, 5)
    admin.execute("SELECT wallet.freeze_account(4)")


def keys(admin: Connection) -> list[str]:
    return [row["key"] for row in rows(admin, "SELECT key FROM wallet.idempotency_key ORDER BY 1")]


def same(first: dict[str, Any], second: dict[str, Any]) -> bool:
    """Whether two answers differ in nothing but that the second one was given before."""
    return second == {**first, "replayed": True} and first["replayed"] is False


@EVERY_OPERATION
def test_a_first_call_with_a_key_does_what_a_call_without_one_does(
    app: Connection, admin: Connection, operation: str
) -> None:
    plain, keyed, arguments = OPERATIONS[operation]
    part = "account" if operation == "create_account" else "transaction"
    with admin.transaction(force_rollback=True):
        expected = call(admin, f"SELECT to_jsonb(a) AS made FROM ({plain}) a", *arguments)["made"]
    answered = call(app, keyed, *arguments, "k-1")
    made = answered.pop(part)
    assert set(answered.values()) == {False, None}
    # A sequence does not roll back, and time does not stand still.
    for name in ("id", "ctime", "mtime"):
        assert (expected.pop(name, None) is None) == (made.pop(name, None) is None)
    assert made == expected
    assert keys(admin) == ["k-1"]
    assert_sound(admin)


@EVERY_OPERATION
def test_a_second_call_with_the_key_does_nothing_and_gives_the_first_answer(
    app: Connection, admin: Connection, operation: str
) -> None:
    _, keyed, arguments = OPERATIONS[operation]
    first = call(app, keyed, *arguments, "k-1")
    before = ledger(admin)
    for _ in range(2):
        assert same(first, call(app, keyed, *arguments, "k-1"))
    assert ledger(admin) == before


@EVERY_OPERATION
def test_another_key_is_another_request(app: Connection, admin: Connection, operation: str) -> None:
    _, keyed, arguments = OPERATIONS[operation]
    call(app, DEPOSIT, 1, 100)  # A second reversal does not lack money.
    first = call(app, keyed, *arguments, "k-1")
    second = call(app, keyed, *arguments, "K-1")
    assert second["replayed"] is False
    if operation == "reverse":
        assert second["sqlstate"] == ALREADY_REVERSED
    else:
        part = "account" if operation == "create_account" else "transaction"
        assert second[part]["id"] == first[part]["id"] + 1
    assert set(keys(admin)) == {"K-1", "k-1"}


def test_the_first_answer_is_as_it_was_whatever_happened_since(
    app: Connection, admin: Connection
) -> None:
    opened = call(app, KEYED_CREATE_ACCOUNT, "eve@example.com", "k-1")
    id = opened["account"]["id"]
    moved = call(app, KEYED_TRANSFER, 1, id, 60, "k-2")
    call(app, WITHDRAW, id, "12.34")
    call(app, REVERSE, call(app, DEPOSIT, id, 1)["id"])
    admin.execute("SELECT wallet.freeze_account(%s)", (id,))
    assert same(opened, call(app, KEYED_CREATE_ACCOUNT, "eve@example.com", "k-1"))
    assert same(moved, call(app, KEYED_TRANSFER, 1, id, 60, "k-2"))
    assert opened["account"]["balance"] == 0
    assert (moved["transaction"]["source_balance"], moved["transaction"]["target_balance"]) == (
        40,
        60,
    )


def test_a_replayed_row_is_the_row_to_the_last_digit(app: Connection) -> None:
    """Money keeps its scale, and times their microseconds, whatever the session's settings."""
    statement = """
        SELECT (a.t).id, (a.t).amount::text, (a.t).target_balance::text,
               extract(epoch FROM (a.t).ctime) AS seconds
        FROM (SELECT d.transaction FROM wallet.deposit(1, 5.00, 'k-1') d) a (t)
    """
    answers = []
    for zone, style in (("UTC", "ISO"), ("America/New_York", "SQL, DMY"), ("Japan", "German")):
        app.execute(f"SET TimeZone = '{zone}'; SET DateStyle = '{style}'")
        answers.append(call(app, statement))
    app.execute("RESET TimeZone; RESET DateStyle")
    first = answers[0]
    assert answers == [first] * 3
    assert (first["amount"], first["target_balance"]) == ("5.00", "105.00")
    made = call(app, GET_TRANSACTION, first["id"])
    assert round(made["ctime"].timestamp() * 10**6) == first["seconds"] * 10**6


@pytest.mark.parametrize(("statement", "arguments", "sqlstate"), REFUSED)
def test_a_refusal_is_an_answer_and_is_kept(
    app: Connection,
    admin: Connection,
    statement: str,
    arguments: tuple[object, ...],
    sqlstate: str,
) -> None:
    before = ledger(admin)
    first = call(app, statement, *arguments, "k-1")
    assert first["sqlstate"] == sqlstate
    assert (first["account"], first["transaction"]) == (None, None)
    assert first["detail"].endswith(".")
    assert first["hint"].endswith(".")
    assert same(first, call(app, statement, *arguments, "k-1"))
    assert ledger(admin) == before
    assert keys(admin) == ["k-1"]


@pytest.mark.parametrize(("statement", "arguments", "sqlstate"), REFUSED)
def test_a_kept_refusal_is_worded_as_a_raised_one(
    app: Connection, statement: str, arguments: tuple[object, ...], sqlstate: str
) -> None:
    answered = call(app, statement, *arguments, "k-1")
    plain = next(plain for plain, keyed, _ in OPERATIONS.values() if keyed == statement)
    diagnostic = refusal(app, plain, *arguments)
    assert answered["sqlstate"] == diagnostic.sqlstate
    assert answered["message"] == diagnostic.message_primary
    assert answered["detail"] == diagnostic.message_detail
    assert answered["hint"] == diagnostic.message_hint


@pytest.mark.parametrize("statement", [KEYED_WITHDRAW, KEYED_TRANSFER])
def test_who_was_refused_for_want_of_money_is_refused_again_when_it_has_come(
    app: Connection, admin: Connection, statement: str
) -> None:
    arguments = (1, 2, 150) if statement == KEYED_TRANSFER else (1, 150)
    first = call(app, statement, *arguments, "k-1")
    assert first["sqlstate"] == INSUFFICIENT_FUNDS
    call(app, DEPOSIT, 1, 100)
    before = ledger(admin)
    assert same(first, call(app, statement, *arguments, "k-1"))
    assert ledger(admin) == before
    assert call(app, statement, *arguments, "k-2")["transaction"]["amount"] == 150


def test_who_was_refused_for_want_of_an_account_is_refused_again_when_it_is_there(
    app: Connection,
) -> None:
    first = call(app, KEYED_DEPOSIT, 5, 1, "k-1")
    assert first["sqlstate"] == ACCOUNT_NOT_FOUND
    assert call(app, CREATE_ACCOUNT, "ada@example.com")["id"] == 5
    assert same(first, call(app, KEYED_DEPOSIT, 5, 1, "k-1"))


@pytest.mark.parametrize(("statement", "arguments", "sqlstate"), INVALID)
def test_what_is_wrong_with_the_arguments_is_raised_and_leaves_no_key(
    app: Connection,
    admin: Connection,
    statement: str,
    arguments: tuple[object, ...],
    sqlstate: str,
) -> None:
    before = ledger(admin)
    for _ in range(2):
        assert refusal(app, statement, *arguments, "k-1").sqlstate == sqlstate
    assert keys(admin) == []
    assert ledger(admin) == before


def test_a_key_that_came_with_wrong_arguments_can_be_used_with_right_ones(app: Connection) -> None:
    assert refusal(app, KEYED_TRANSFER, 1, 2, 0, "k-1").sqlstate == INVALID_AMOUNT
    assert refusal(app, KEYED_TRANSFER, 1, 1, 5, "k-1").sqlstate == SAME_ACCOUNT
    assert refusal(app, KEYED_CREATE_ACCOUNT, "ada", "k-1").sqlstate == INVALID_EMAIL
    first = call(app, KEYED_TRANSFER, 1, 2, 5, "k-1")
    assert first["transaction"]["amount"] == 5
    assert same(first, call(app, KEYED_TRANSFER, 1, 2, 5, "k-1"))


@pytest.mark.parametrize(
    ("statement", "arguments"),
    [
        (KEYED_TRANSFER, (1, 2, "5.01")),
        (KEYED_TRANSFER, (2, 1, 5)),
        (KEYED_TRANSFER, (1, 3, 5)),
        (KEYED_TRANSFER, (None, 2, 5)),
        (KEYED_DEPOSIT, (1, 5)),
        (KEYED_WITHDRAW, (1, 5)),
        (KEYED_REVERSE, (1,)),
        (KEYED_CREATE_ACCOUNT, ("ada@example.com",)),
    ],
)
@pytest.mark.parametrize("amount", [5, 500], ids=["done", "refused"])
def test_a_key_that_was_used_is_refused_for_another_request(
    app: Connection,
    admin: Connection,
    statement: str,
    arguments: tuple[object, ...],
    amount: int,
) -> None:
    arguments = tuple(amount if argument == 5 else argument for argument in arguments)
    first = call(app, KEYED_TRANSFER, 1, 2, amount, "k-1")
    before = ledger(admin)
    diagnostic = refusal(app, statement, *arguments, "k-1")
    assert diagnostic.sqlstate == IDEMPOTENCY_KEY_REUSED
    assert diagnostic.message_primary == "idempotency key reused"
    assert diagnostic.message_detail == "The key was used for another request."
    assert diagnostic.message_hint == "Use a new key for a new request."
    assert ledger(admin) == before
    # And the first answer is there as before.
    assert same(first, call(app, KEYED_TRANSFER, 1, 2, amount, "k-1"))


def test_the_same_arguments_for_another_operation_are_another_request(app: Connection) -> None:
    call(app, KEYED_DEPOSIT, 1, 5, "k-1")
    assert refusal(app, KEYED_WITHDRAW, 1, 5, "k-1").sqlstate == IDEMPOTENCY_KEY_REUSED


@pytest.mark.parametrize("amount", ["5", "5.0", "5.00", "5.000000", "0.5e1"])
def test_an_amount_is_the_same_however_it_is_written(app: Connection, amount: str) -> None:
    first = call(app, KEYED_DEPOSIT, 1, "5.00", "k-1")
    assert same(first, call(app, KEYED_DEPOSIT, 1, amount, "k-1"))


def test_an_email_is_another_in_other_case(app: Connection) -> None:
    call(app, KEYED_CREATE_ACCOUNT, "ada@example.com", "k-1")
    diagnostic = refusal(app, KEYED_CREATE_ACCOUNT, "Ada@example.com", "k-1")
    assert diagnostic.sqlstate == IDEMPOTENCY_KEY_REUSED


@EVERY_OPERATION
@pytest.mark.parametrize("key", ["k", "k" * 255, " ", "~", " !\"#$%'\\{}|", "NULL"])
def test_a_key_is_1_to_255_printable_ascii_characters(
    app: Connection, admin: Connection, operation: str, key: str
) -> None:
    _, keyed, arguments = OPERATIONS[operation]
    assert same(call(app, keyed, *arguments, key), call(app, keyed, *arguments, key))
    assert keys(admin) == [key]


@EVERY_OPERATION
@pytest.mark.parametrize(
    ("key", "length"),
    [
        (None, 0),
        ("", 0),
        ("k" * 256, 256),
        ("k\n", 2),
        ("\nk", 2),
        ("k\tk", 3),
        ("\u0001", 1),
        ("\u001f", 1),
        ("\u007f", 1),
        ("\u0080", 1),
        ("\u00e9", 1),
        ("\uff4b", 1),
        ("k\U0001f511", 2),
    ],
)
def test_no_other_key_is_taken(
    app: Connection, admin: Connection, operation: str, key: str | None, length: int
) -> None:
    _, keyed, arguments = OPERATIONS[operation]
    before = ledger(admin)
    diagnostic = refusal(app, keyed, *arguments, key)
    assert diagnostic.sqlstate == INVALID_PARAMETER_VALUE
    assert diagnostic.message_primary == "invalid idempotency key"
    assert diagnostic.message_detail == f"The key has {length} characters."
    assert "255" in (diagnostic.message_hint or "")
    assert keys(admin) == []
    assert ledger(admin) == before


def test_a_key_is_looked_at_before_the_arguments(app: Connection) -> None:
    assert refusal(app, KEYED_TRANSFER, 1, 1, 0, "").sqlstate == INVALID_PARAMETER_VALUE


@EVERY_OPERATION
def test_a_key_is_rolled_back_with_its_effect(
    app: Connection, admin: Connection, operation: str
) -> None:
    _, keyed, arguments = OPERATIONS[operation]
    before = ledger(admin)
    with app.transaction(force_rollback=True):
        assert call(app, keyed, *arguments, "k-1")["replayed"] is False
        assert call(app, keyed, *arguments, "k-1")["replayed"] is True
    assert keys(admin) == []
    assert ledger(admin) == before
    assert call(app, keyed, *arguments, "k-1")["replayed"] is False


def test_a_kept_refusal_is_rolled_back_with_its_transaction(
    app: Connection, admin: Connection
) -> None:
    with app.transaction(force_rollback=True):
        assert call(app, KEYED_WITHDRAW, 1, 150, "k-1")["sqlstate"] == INSUFFICIENT_FUNDS
    call(app, DEPOSIT, 1, 100)
    assert call(app, KEYED_WITHDRAW, 1, 150, "k-1")["transaction"]["amount"] == 150


def test_a_savepoint_takes_a_key_and_its_effect_back(app: Connection, admin: Connection) -> None:
    with app.transaction():
        kept = call(app, KEYED_DEPOSIT, 1, 5, "k-1")
        with app.transaction(force_rollback=True):
            call(app, KEYED_DEPOSIT, 1, 6, "k-2")
    assert keys(admin) == ["k-1"]
    assert same(kept, call(app, KEYED_DEPOSIT, 1, 5, "k-1"))
    assert_sound(admin)


@pytest.mark.parametrize("level", ["READ COMMITTED", "REPEATABLE READ", "SERIALIZABLE"])
def test_a_key_works_in_each_isolation_level(
    app: Connection, admin: Connection, level: str
) -> None:
    with app.transaction():
        app.execute(f"SET TRANSACTION ISOLATION LEVEL {level}")
        first = call(app, KEYED_DEPOSIT, 1, 5, "k-1")
        assert same(first, call(app, KEYED_DEPOSIT, 1, 5, "k-1"))
    with app.transaction():
        app.execute(f"SET TRANSACTION ISOLATION LEVEL {level}")
        assert same(first, call(app, KEYED_DEPOSIT, 1, 5, "k-1"))
    assert_sound(admin)


@pytest.mark.parametrize("level", ["REPEATABLE READ", "SERIALIZABLE"])
def test_a_key_that_was_used_after_the_snapshot_is_never_done_again(
    app: Connection, admin: Connection, level: str
) -> None:
    """Its answer is not to be seen: PostgreSQL says to begin anew, and then it is."""
    with app.transaction(force_rollback=True):
        app.execute(f"SET TRANSACTION ISOLATION LEVEL {level}")
        app.execute("SELECT wallet.get_account(1)")
        first = call(admin, KEYED_DEPOSIT, 1, 5, "k-1")
        assert refusal(app, KEYED_DEPOSIT, 1, 5, "k-1").sqlstate == SERIALIZATION_FAILURE
    assert same(first, call(app, KEYED_DEPOSIT, 1, 5, "k-1"))
    assert_sound(admin)


def test_calls_without_a_key_write_no_key(app: Connection, admin: Connection) -> None:
    call(app, DEPOSIT, 1, 100)
    for plain, _, arguments in OPERATIONS.values():
        call(app, plain, *arguments)
    assert keys(admin) == []


def test_a_key_says_what_was_asked_for_and_answered(app: Connection, reader: Connection) -> None:
    began = call(app, "SELECT clock_timestamp() AS now")["now"]
    call(app, KEYED_WITHDRAW, 1, "100.01", "k-1")
    row = call(reader, "SELECT * FROM wallet.idempotency_key")
    assert row["request"] == {"withdraw": {"account_id": 1, "amount": 100.01}}
    assert row["answer"]["refusal"]["sqlstate"] == INSUFFICIENT_FUNDS
    assert row["answer"]["transaction"] is None
    assert began < row["ctime"] < call(app, "SELECT clock_timestamp() AS now")["now"]


# What happens to keys in the end.

PURGE = "SELECT wallet.purge_idempotency_keys(%s::interval) AS purged"


@pytest.fixture
def aged(app: Connection, admin: Connection) -> list[str]:
    """Keys that were first used so many days ago."""
    for days in (0, 10, 20, 40):
        call(app, KEYED_DEPOSIT, 1, 1, f"{days} days")
    # The key is its own age.
    admin.execute("UPDATE wallet.idempotency_key SET ctime = ctime - key::interval")
    return keys(admin)


@pytest.mark.parametrize(
    ("older_than", "kept"),
    [
        ("30 days", ["0 days", "10 days", "20 days"]),
        ("15 days", ["0 days", "10 days"]),
        ("1 hour", ["0 days"]),
        ("0", []),
        ("1000 years", ["0 days", "10 days", "20 days", "40 days"]),
    ],
)
def test_keys_older_than_an_interval_are_forgotten_and_the_others_kept(
    app: Connection, admin: Connection, aged: list[str], older_than: str, kept: list[str]
) -> None:
    before = ledger(admin)
    assert call(admin, PURGE, older_than)["purged"] == len(aged) - len(kept)
    assert keys(admin) == kept
    assert ledger(admin) == before
    for key in aged:
        assert call(app, KEYED_DEPOSIT, 1, 1, key)["replayed"] is (key in kept)


@pytest.mark.parametrize("older_than", [None, "-1 microsecond", "-30 days"])
def test_an_interval_that_is_null_or_negative_forgets_nothing(
    admin: Connection, aged: list[str], older_than: str | None
) -> None:
    diagnostic = refusal(admin, PURGE, older_than)
    assert diagnostic.sqlstate == INVALID_PARAMETER_VALUE
    assert diagnostic.message_primary == "invalid interval"
    assert keys(admin) == aged


@pytest.mark.parametrize("role", ["app", "reader"])
def test_only_a_dba_forgets_keys(
    request: pytest.FixtureRequest, admin: Connection, aged: list[str], role: str
) -> None:
    assert refusal(request.getfixturevalue(role), PURGE, "0").sqlstate == "42501"
    assert keys(admin) == aged


def test_old_keys_are_found_by_the_index_on_their_age(admin: Connection) -> None:
    """As a parameter, which is what a variable of PL/pgSQL's is: a volatile call would not do."""
    with admin.transaction(force_rollback=True):
        admin.execute("SET LOCAL enable_seqscan = off")
        admin.execute("PREPARE purge AS DELETE FROM wallet.idempotency_key k WHERE k.ctime < $1")
        plan = rows(admin, "EXPLAIN EXECUTE purge (now() - interval '30 days')")
    assert "idempotency_key_ctime" in str(plan)
