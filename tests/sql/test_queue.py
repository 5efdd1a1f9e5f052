"""What is queued keeps its id, is settled in order as transfer() would, and has one outcome."""

from __future__ import annotations

from collections import Counter
from datetime import datetime
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from tests.sql.test_batches import (
    CALL_ONE_BY_ONE,
    EACH_REQUEST,
    EACH_START,
    ONE_BY_ONE,
    REFUSAL,
    REQUESTS,
    STARTS,
    Start,
    begin,
    count_from,
    expected_of,
    left,
    run,
    timeless,
)
from tests.support.calls import (
    CANCEL_PENDING,
    DEPOSIT,
    ENQUEUE_TRANSFER,
    FREEZE_ACCOUNT,
    GET_OUTCOME,
    GET_TRANSACTION,
    SETTLE,
    TRANSFER,
    TRANSFER_OR_ENQUEUE,
    Connection,
    Request,
    balances,
    batch,
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
    BALANCE_LIMIT_EXCEEDED,
    CANCELLED,
    IDEMPOTENCY_KEY_REUSED,
    INSUFFICIENT_FUNDS,
    INVALID_AMOUNT,
    NOT_PENDING,
    SAME_ACCOUNT,
    TRANSACTION_NOT_FOUND,
)

INVALID_PARAMETER_VALUE = "22023"
ANSWER = """
    SELECT a.replayed, to_jsonb(a.outcomes) AS outcomes, a.account, a.transaction,
           (a.refusal).sqlstate
    FROM wallet.{} a
"""
KEYED_ENQUEUE = ANSWER.format("enqueue_transfer(%s, %s, %s, %s)")
KEYED_TRANSFER_OR_ENQUEUE = ANSWER.format("transfer_or_enqueue(%s, %s, %s, %s, %s)")
# enqueue_transfer() for each, and what is refused at once kept beside what was queued.
ENQUEUE_ALL = ONE_BY_ONE.replace("one_by_one", "enqueue_all").replace(
    "wallet.transfer(", "wallet.enqueue_transfer("
)
ENQUEUE_ALL = ENQUEUE_ALL.replace("v_made wallet.transaction", "v_made wallet.outcome").replace(
    "v_made.*, 'succeeded', NULL, NULL, NULL, NULL", "v_made.*"
)
CALL_ENQUEUE_ALL = "SELECT * FROM pg_temp.enqueue_all(%s::wallet.transfer_request[])"
AT_ONCE = {INVALID_AMOUNT, SAME_ACCOUNT, ACCOUNT_NOT_FOUND}


@pytest.fixture
def loop(admin: Connection) -> Connection:
    """A superuser's connection that has pg_temp.one_by_one() and enqueue_all()."""
    admin.execute(ONE_BY_ONE)
    admin.execute(ENQUEUE_ALL)
    return admin


def idless(held: dict[str, list[dict[str, Any]]]) -> dict[str, list[dict[str, Any]]]:
    """What left() found, without the ids of transactions and what came of the queue."""
    return {
        "accounts": held["accounts"],
        "transactions": [{**row, "id": None} for row in held["transactions"]],
        "reversals": held["reversals"],
    }


def test_a_settled_queue_equals_its_transfers_one_by_one(loop: Connection) -> None:
    """In slices of any size, some cancelled before; each is recorded as transfer() answers."""
    seen: Counter[str] = Counter()

    @example(EACH_START, EACH_REQUEST, [2, 1], {1})
    @example(EACH_START, EACH_REQUEST, [], set())
    @given(STARTS, REQUESTS, st.lists(st.integers(1, 12), max_size=6), st.sets(st.integers(0, 24)))
    def holds(
        start: Start, requests: list[Request], slices: list[int], cancelled: set[int]
    ) -> None:
        with loop.transaction(force_rollback=True):
            begin(loop, start)
            next_id = len(ledger(loop).transactions) + 1
            with loop.transaction(force_rollback=True):
                all_at_once = expected_of(rows(loop, CALL_ONE_BY_ONE, batch(requests)))
            count_from(loop, "transaction", next_id)
            queued = rows(loop, CALL_ENQUEUE_ALL, batch(requests))
            # What is wrong with what was given is said at once, in the words of transfer().
            for outcome, expected in zip(expected_of(queued), all_at_once, strict=True):
                if outcome["state"] == "failed" or expected["sqlstate"] in AT_ONCE:
                    assert outcome == expected
                    seen[f"{outcome['sqlstate']} at once"] += 1
            kept = [
                (request, outcome)
                for request, outcome in zip(requests, queued, strict=True)
                if outcome["state"] == "pending"
            ]
            ids = [outcome["id"] for _, outcome in kept]
            assert ids == list(range(next_id, next_id + len(kept)))
            for number in cancelled & set(range(len(kept))):
                call(loop, CANCEL_PENDING, ids[number])
            kept = [pair for number, pair in enumerate(kept) if number not in cancelled]
            with loop.transaction(force_rollback=True):
                asked = batch(request for request, _ in kept)
                expected_outcomes = expected_of(rows(loop, CALL_ONE_BY_ONE, asked))
                expected_left = idless(left(loop))

            waiting = len(kept)
            for size in [*slices, 25, 1]:
                assert call(loop, SETTLE, size)["settled"] == min(size, waiting)
                waiting -= min(size, waiting)
            assert waiting == 0
            assert idless(left(loop)) == expected_left
            for (_, outcome), expected in zip(kept, expected_outcomes, strict=True):
                settled = call(loop, GET_OUTCOME, outcome["id"])
                assert timeless([settled]) == [{**expected, "id": outcome["id"]}]
                assert settled["ctime"] >= outcome["ctime"]
                seen[settled["sqlstate"] or "succeeded"] += 1
            for number in cancelled & set(range(len(ids))):
                assert call(loop, GET_OUTCOME, ids[number])["sqlstate"] == CANCELLED
                seen[CANCELLED] += 1
            assert rows(loop, "SELECT * FROM wallet.audit()") == []
            assert ledger(loop).pending == []

    run(holds, 200)
    print(f"outcomes: {dict(seen)}")
    assert set(seen) == {
        *("succeeded", CANCELLED),
        *(INSUFFICIENT_FUNDS, BALANCE_LIMIT_EXCEEDED, ACCOUNT_FROZEN),
        *(f"{sqlstate} at once" for sqlstate in AT_ONCE),
    }


def test_with_free_accounts_a_transfer_is_made_as_ever(loop: Connection) -> None:
    """Outcomes, ids and final state of transfer_or_enqueue() are those of transfer()."""
    at_once = ONE_BY_ONE.replace("one_by_one", "at_once").replace(
        "v_made wallet.transaction", "v_made wallet.outcome"
    )
    at_once = at_once.replace(
        "v_made := wallet.transfer(v_request.source_account_id,\n"
        "                    v_request.target_account_id, v_request.amount);",
        "v_made := wallet.transfer_or_enqueue(v_request.source_account_id,\n"
        "                    v_request.target_account_id, v_request.amount, 0);",
    ).replace("v_made.*, 'succeeded', NULL, NULL, NULL, NULL", "v_made.*")
    loop.execute(at_once)
    seen: Counter[str] = Counter()

    @example(EACH_START, EACH_REQUEST)
    @given(STARTS, REQUESTS)
    def holds(start: Start, requests: list[Request]) -> None:
        asked = batch(requests)
        with loop.transaction(force_rollback=True):
            begin(loop, start)
            next_id = len(ledger(loop).transactions) + 1
            found = []
            for statement in (
                CALL_ONE_BY_ONE,
                "SELECT * FROM pg_temp.at_once(%s::wallet.transfer_request[])",
            ):
                count_from(loop, "transaction", next_id)
                with loop.transaction(force_rollback=True):
                    found.append((timeless(rows(loop, statement, asked)), left(loop)))
            assert found[0] == found[1]
            seen.update(outcome["sqlstate"] or "succeeded" for outcome in found[0][0])

    run(holds, 60)
    print(f"outcomes: {dict(seen)}")
    assert {"succeeded", *AT_ONCE, INSUFFICIENT_FUNDS} <= set(seen)


def test_what_is_queued_is_pending_and_moves_nothing(app: Connection, admin: Connection) -> None:
    open_accounts(app, "100", "0")
    before = ledger(admin)
    began = call(app, "SELECT clock_timestamp() AS now")["now"]
    queued = call(app, ENQUEUE_TRANSFER, 1, 2, "5.005")
    assert isinstance(queued["ctime"], datetime)
    assert began < queued["ctime"] < call(app, "SELECT clock_timestamp() AS now")["now"]
    assert queued == {
        "id": 2,
        "source_account_id": 1,
        "target_account_id": 2,
        "amount": Decimal("5.01"),
        "ctime": queued["ctime"],
        **dict.fromkeys(("source_entry", "target_entry", "source_balance", "target_balance")),
        "state": "pending",
        **dict.fromkeys(REFUSAL),
    }
    assert str(queued["amount"]) == "5.01"
    assert call(app, GET_OUTCOME, 2) == queued
    assert refusal(app, GET_TRANSACTION, 2).sqlstate == TRANSACTION_NOT_FOUND
    after = ledger(admin)
    assert [row["id"] for row in after.pending] == [2]
    assert after._replace(pending=[]) == before
    assert_sound(admin)


def test_what_is_settled_keeps_its_id_among_the_transactions(
    app: Connection, admin: Connection
) -> None:
    open_accounts(app, "100", "0")
    queued = call(app, ENQUEUE_TRANSFER, 1, 2, 5)
    made = call(app, TRANSFER, 1, 2, 1)
    assert made["id"] == queued["id"] + 1
    assert call(app, SETTLE, 10)["settled"] == 1
    settled = call(app, GET_TRANSACTION, queued["id"])
    assert (settled["source_entry"], str(settled["target_balance"])) == (3, "6.00")
    assert settled["ctime"] >= made["ctime"] > queued["ctime"]
    outcome = call(app, GET_OUTCOME, queued["id"])
    assert outcome == {**settled, "state": "succeeded", **dict.fromkeys(REFUSAL)}
    assert_sound(admin)


def test_any_transaction_has_an_outcome(app: Connection, reader: Connection) -> None:
    open_accounts(app, "100", "50")
    for connection in (app, reader):
        for id in (1, 2):
            made = call(connection, GET_TRANSACTION, id)
            assert call(connection, GET_OUTCOME, id) == {
                **made,
                "state": "succeeded",
                **dict.fromkeys(REFUSAL),
            }


def test_a_frozen_account_is_looked_at_when_it_is_settled(
    app: Connection, admin: Connection
) -> None:
    open_accounts(app, "100", "0")
    queued = [call(app, ENQUEUE_TRANSFER, 1, 2, amount) for amount in (1, 2)]
    assert call(app, SETTLE, 1)["settled"] == 1
    call(admin, FREEZE_ACCOUNT, 2)
    assert call(app, SETTLE, 1)["settled"] == 1
    failed = call(app, GET_OUTCOME, queued[1]["id"])
    diagnostic = refusal(app, TRANSFER, 1, 2, 2)
    assert [failed[part] for part in REFUSAL] == [
        diagnostic.sqlstate,
        diagnostic.message_primary,
        diagnostic.message_detail,
        diagnostic.message_hint,
    ]
    assert diagnostic.sqlstate == ACCOUNT_FROZEN
    assert_sound(admin)


def test_money_that_comes_before_it_is_settled_is_there(app: Connection, admin: Connection) -> None:
    open_accounts(app, "0", "0")
    queued = call(app, ENQUEUE_TRANSFER, 1, 2, 5)
    call(app, DEPOSIT, 1, 5)
    call(app, SETTLE, 1)
    assert call(app, GET_OUTCOME, queued["id"])["state"] == "succeeded"


@pytest.mark.parametrize(
    ("source", "target", "amount", "sqlstate"),
    [
        (1, 2, "0", INVALID_AMOUNT),
        (1, 2, "-1", INVALID_AMOUNT),
        (1, 2, "NaN", INVALID_AMOUNT),
        (1, 1, "1", SAME_ACCOUNT),
        (77, 2, "1", ACCOUNT_NOT_FOUND),
        (1, 77, "1", ACCOUNT_NOT_FOUND),
    ],
)
def test_a_wrong_row_that_was_queued_by_hand_comes_to_nothing(
    app: Connection, admin: Connection, source: int, target: int, amount: str, sqlstate: str
) -> None:
    """The table has no CHECK and no foreign key: settle() applies every rule."""
    open_accounts(app, "100", "100")
    queued = call(
        admin,
        "INSERT INTO wallet.pending_transfer (source_account_id, target_account_id, amount, ctime) "
        "VALUES (%s, %s, %s, now()) RETURNING id",
        source,
        target,
        amount,
    )
    assert call(app, SETTLE, 10)["settled"] == 1
    assert call(app, GET_OUTCOME, queued["id"])["sqlstate"] == sqlstate
    assert list(balances(admin).values()) == ["100.00", "100.00"]
    assert_sound(admin)


def test_an_empty_queue_is_settled_at_once(app: Connection, admin: Connection) -> None:
    open_accounts(app, "100", "0")
    before = ledger(admin)
    assert call(app, SETTLE, 2**31 - 1)["settled"] == 0
    assert ledger(admin) == before


@pytest.mark.parametrize("max_items", [None, 0, -1, -(2**31)])
def test_to_settle_none_is_refused(
    app: Connection, admin: Connection, max_items: int | None
) -> None:
    open_accounts(app, "100", "0")
    call(app, ENQUEUE_TRANSFER, 1, 2, 5)
    before = ledger(admin)
    diagnostic = refusal(app, SETTLE, max_items)
    assert diagnostic.sqlstate == INVALID_PARAMETER_VALUE
    assert diagnostic.message_primary == "invalid max_items"
    assert ledger(admin) == before


def test_what_a_settler_takes_back_waits_as_before(app: Connection, admin: Connection) -> None:
    open_accounts(app, "100", "0")
    for amount in (5, 500):
        call(app, ENQUEUE_TRANSFER, 1, 2, amount)
    before = ledger(admin)
    with app.transaction(force_rollback=True):
        assert call(app, SETTLE, 10)["settled"] == 2
        assert call(app, GET_OUTCOME, 2)["state"] == "succeeded"
        assert call(app, GET_OUTCOME, 3)["state"] == "failed"
    assert ledger(admin) == before
    assert call(app, SETTLE, 10)["settled"] == 2
    assert_sound(admin)


def test_a_dba_takes_out_what_waits(app: Connection, admin: Connection) -> None:
    open_accounts(app, "100", "0")
    ids = [call(app, ENQUEUE_TRANSFER, 1, 2, 5)["id"] for _ in range(3)]
    cancelled = call(admin, CANCEL_PENDING, ids[1])
    assert (cancelled["id"], cancelled["state"]) == (ids[1], "failed")
    assert [cancelled[part] for part in REFUSAL] == [
        CANCELLED,
        "cancelled",
        f"Transaction {ids[1]} was cancelled while it was pending.",
        "Ask for the transfer again, if it is still wanted.",
    ]
    assert call(app, GET_OUTCOME, ids[1]) == cancelled
    assert call(app, SETTLE, 10)["settled"] == 2
    assert call(app, GET_OUTCOME, ids[1]) == cancelled
    assert balances(admin) == {1: "90.00", 2: "10.00"}
    assert_sound(admin)


@pytest.mark.parametrize("amount", [5, 500], ids=["succeeded", "failed"])
def test_what_was_settled_is_not_cancelled(app: Connection, admin: Connection, amount: int) -> None:
    open_accounts(app, "100", "0")
    id = call(app, ENQUEUE_TRANSFER, 1, 2, amount)["id"]
    call(app, SETTLE, 1)
    before = ledger(admin)
    diagnostic = refusal(admin, CANCEL_PENDING, id)
    assert diagnostic.sqlstate == NOT_PENDING
    assert diagnostic.message_primary == "not pending"
    assert diagnostic.message_detail == f"Transaction {id} has succeeded or failed already."
    assert ledger(admin) == before


def test_what_was_cancelled_is_not_cancelled_again(app: Connection, admin: Connection) -> None:
    open_accounts(app, "100", "0")
    id = call(app, ENQUEUE_TRANSFER, 1, 2, 5)["id"]
    call(admin, CANCEL_PENDING, id)
    before = ledger(admin)
    assert refusal(admin, CANCEL_PENDING, id).sqlstate == NOT_PENDING
    assert ledger(admin) == before


@pytest.mark.parametrize("wait", [None, "-0.001", "3600.001", "NaN", "Infinity", "-Infinity"])
def test_a_wait_is_0_to_3600_seconds(app: Connection, admin: Connection, wait: str | None) -> None:
    open_accounts(app, "100", "0")
    before = ledger(admin)
    # It is looked at before all else.
    diagnostic = refusal(app, TRANSFER_OR_ENQUEUE, 1, 1, 0, wait)
    assert diagnostic.sqlstate == INVALID_PARAMETER_VALUE
    assert diagnostic.message_primary == "invalid wait"
    assert ledger(admin) == before


@pytest.mark.parametrize("wait", ["0", "-0.0", "0.0001", "0.5", "3600", "1e-16383"])
def test_with_any_wait_free_accounts_are_not_waited_for(
    app: Connection, admin: Connection, wait: str
) -> None:
    open_accounts(app, "100", "0")
    assert call(app, TRANSFER_OR_ENQUEUE, 1, 2, 5, wait)["state"] == "succeeded"
    assert_sound(admin)


@pytest.mark.parametrize("lock_timeout", ["0", "7s", "1234ms"])
@pytest.mark.parametrize("in_transaction", [True, False])
def test_the_callers_own_lock_timeout_is_left_alone(
    app: Connection, lock_timeout: str, in_transaction: bool
) -> None:
    open_accounts(app, "100", "0")
    app.execute(f"SET lock_timeout = '{lock_timeout}'")
    before = call(app, "SHOW lock_timeout")
    if in_transaction:
        with app.transaction():
            assert call(app, TRANSFER_OR_ENQUEUE, 1, 2, 5, 1)["state"] == "succeeded"
            assert call(app, "SHOW lock_timeout") == before
    assert call(app, TRANSFER_OR_ENQUEUE, 1, 2, 5, 1)["state"] == "succeeded"
    assert call(app, "SHOW lock_timeout") == before
    assert refusal(app, TRANSFER_OR_ENQUEUE, 1, 2, 500, 1).sqlstate == INSUFFICIENT_FUNDS
    assert call(app, "SHOW lock_timeout") == before


# With a key.


def test_a_queued_transfer_with_a_key_is_queued_once(app: Connection, admin: Connection) -> None:
    """And is answered as pending again, whatever has become of it since."""
    open_accounts(app, "100", "0")
    first = call(app, KEYED_ENQUEUE, 1, 2, "5.005", "k-1")
    assert first["replayed"] is False
    assert (first["account"], first["transaction"], first["sqlstate"]) == (None, None, None)
    (outcome,) = first["outcomes"]
    assert (outcome["id"], outcome["state"], outcome["amount"]) == (2, "pending", 5.01)
    again = {**first, "replayed": True}
    assert call(app, KEYED_ENQUEUE, 1, 2, "5.005", "k-1") == again
    assert len(ledger(admin).pending) == 1
    call(app, SETTLE, 10)
    before = ledger(admin)
    assert call(app, KEYED_ENQUEUE, 1, 2, "5.005", "k-1") == again
    assert ledger(admin) == before
    assert call(app, GET_OUTCOME, 2)["state"] == "succeeded"
    assert_sound(admin)


def test_a_cancelled_transfer_is_not_queued_again_under_its_key(
    app: Connection, admin: Connection
) -> None:
    open_accounts(app, "100", "0")
    first = call(app, KEYED_ENQUEUE, 1, 2, 5, "k-1")
    call(admin, CANCEL_PENDING, 2)
    assert call(app, KEYED_ENQUEUE, 1, 2, 5, "k-1") == {**first, "replayed": True}
    assert ledger(admin).pending == []


def test_what_was_made_at_once_under_a_key_is_made_once(app: Connection, admin: Connection) -> None:
    open_accounts(app, "100", "0")
    first = call(app, KEYED_TRANSFER_OR_ENQUEUE, 1, 2, 5, "0.5", "k-1")
    assert first["outcomes"][0]["state"] == "succeeded"
    before = ledger(admin)
    again = call(app, KEYED_TRANSFER_OR_ENQUEUE, 1, 2, "5.00", "0.50", "k-1")
    assert again == {**first, "replayed": True}
    assert ledger(admin) == before


def test_a_refusal_at_once_is_kept_under_the_key(app: Connection, admin: Connection) -> None:
    open_accounts(app, "100", "0")
    for statement, arguments, sqlstate in (
        (KEYED_TRANSFER_OR_ENQUEUE, (1, 2, 500, 0), INSUFFICIENT_FUNDS),
        (KEYED_ENQUEUE, (1, 3, 5), ACCOUNT_NOT_FOUND),
    ):
        first = call(app, statement, *arguments, sqlstate)
        assert (first["outcomes"], first["sqlstate"]) == (None, sqlstate)
    open_accounts(app, "1")
    call(app, DEPOSIT, 1, 500)
    before = ledger(admin)
    for statement, arguments, sqlstate in (
        (KEYED_TRANSFER_OR_ENQUEUE, (1, 2, 500, 0), INSUFFICIENT_FUNDS),
        (KEYED_ENQUEUE, (1, 3, 5), ACCOUNT_NOT_FOUND),
    ):
        again = call(app, statement, *arguments, sqlstate)
        assert (again["replayed"], again["sqlstate"]) == (True, sqlstate)
    assert ledger(admin) == before


@pytest.mark.parametrize(
    ("statement", "arguments"),
    [
        (KEYED_ENQUEUE, (1, 2, "5.01")),
        (KEYED_ENQUEUE, (2, 1, 5)),
        (KEYED_ENQUEUE, (1, None, 5)),
        (KEYED_TRANSFER_OR_ENQUEUE, (1, 2, 5, 0)),
        (ANSWER.format("transfer(%s, %s, %s, %s)"), (1, 2, 5)),
        (ANSWER.format("transfer_batch('{\"(1,2,5)\"}', %s, %s)"), (True,)),
    ],
)
def test_a_key_is_refused_for_another_request(
    app: Connection, admin: Connection, statement: str, arguments: tuple[object, ...]
) -> None:
    open_accounts(app, "100", "100")
    first = call(app, KEYED_ENQUEUE, 1, 2, 5, "k-1")
    before = ledger(admin)
    assert refusal(app, statement, *arguments, "k-1").sqlstate == IDEMPOTENCY_KEY_REUSED
    assert ledger(admin) == before
    assert call(app, KEYED_ENQUEUE, 1, 2, 5, "k-1") == {**first, "replayed": True}


def test_another_wait_is_another_request(app: Connection, admin: Connection) -> None:
    open_accounts(app, "100", "100")
    call(app, KEYED_TRANSFER_OR_ENQUEUE, 1, 2, 5, 0, "k-1")
    before = ledger(admin)
    for wait in ("0.001", "1"):
        diagnostic = refusal(app, KEYED_TRANSFER_OR_ENQUEUE, 1, 2, 5, wait, "k-1")
        assert diagnostic.sqlstate == IDEMPOTENCY_KEY_REUSED
    assert ledger(admin) == before


@pytest.mark.parametrize(
    ("statement", "arguments", "sqlstate"),
    [
        (KEYED_ENQUEUE, (1, 2, 0), INVALID_AMOUNT),
        (KEYED_ENQUEUE, (1, 2, None), INVALID_AMOUNT),
        (KEYED_ENQUEUE, (1, 1, 5), SAME_ACCOUNT),
        (KEYED_TRANSFER_OR_ENQUEUE, (1, 2, "NaN", 0), INVALID_AMOUNT),
        (KEYED_TRANSFER_OR_ENQUEUE, (1, 1, 5, 0), SAME_ACCOUNT),
        (KEYED_TRANSFER_OR_ENQUEUE, (1, 2, 5, -1), INVALID_PARAMETER_VALUE),
        (KEYED_TRANSFER_OR_ENQUEUE, (1, 2, 5, None), INVALID_PARAMETER_VALUE),
    ],
)
def test_what_is_wrong_with_the_arguments_leaves_no_key(
    app: Connection,
    admin: Connection,
    statement: str,
    arguments: tuple[object, ...],
    sqlstate: str,
) -> None:
    open_accounts(app, "100", "100")
    before = ledger(admin)
    for _ in range(2):
        assert refusal(app, statement, *arguments, "k-1").sqlstate == sqlstate
    assert ledger(admin) == before
    assert rows(admin, "SELECT FROM wallet.idempotency_key") == []
