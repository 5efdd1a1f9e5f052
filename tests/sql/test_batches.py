"""Transfers by one call, or through the queue, come to what a call of transfer() for each does."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from contextlib import AbstractContextManager
from decimal import Decimal
from typing import Any, NamedTuple

import hypothesis
import psycopg
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from tests.support.calls import (
    REFUSAL,
    Connection,
    Request,
    batch,
    call,
    ledger,
    open_accounts,
    refusal,
    rows,
    said,
    value,
)
from tests.support.databases import assert_sound
from tests.support.model import valid_amount
from tests.support.seeds import fresh_seed

Result = dict[str, Any]
NOTHING = ("id", "source_entry", "target_entry", "source_balance", "target_balance")
AT_ONCE = {"WL002", "WL003", "WL004"}
LARGEST = 2**63 - 1

# Most transfers are between the first three accounts; 8 is never opened.
IDS = st.one_of(
    *[st.integers(1, 3)] * 4, st.integers(1, 8), st.sampled_from([None, -1, 0, LARGEST])
)
BALANCES = st.one_of(
    st.sampled_from(["0.00", "0.01", "100.00", "500000.00", "999999.98", "999999.99"]),
    st.decimals("0", "999999.99", places=2).map(str),
)
EDGES = [
    *("NaN", "Infinity", "-Infinity", "-1", "0", "0.004", "0.00499999", "0.005"),
    *("0.01", "100", "500000", "999999.98", "999999.99", "999999.994", "999999.995"),
    *("1000000", "1e131071", "1e-16383"),
]
AMOUNTS = st.one_of(st.none(), st.sampled_from(EDGES), st.decimals("0.004", "1000", places=4))
# What an account holds, or just more or less than it, is asked for as often as anything.
SOUND_AMOUNTS = st.one_of(
    st.decimals("0.01", "200", places=2),
    st.sampled_from(["0.01", "100", "100.01", "499999.99", "999999.99"]),
    st.decimals("0.005", "999999.99", places=3),
)
PAIRS = st.one_of(*(st.permutations(range(1, most)) for most in (4, 8)))
SOUND_REQUESTS = st.builds(lambda ids, amount: (*ids[:2], amount), PAIRS, SOUND_AMOUNTS)
ANY_REQUEST = st.one_of(*[SOUND_REQUESTS] * 3, st.tuples(IDS, IDS, AMOUNTS))
# Left to itself, Hypothesis draws short lists: the size is drawn first.
REQUESTS = st.integers(1, 25).flatmap(
    lambda size: st.lists(ANY_REQUEST, min_size=size, max_size=size)
)


class Start(NamedTuple):
    """What accounts 1, 2, 3 … hold at first, and which are frozen."""

    balances: list[str]
    frozen: set[int]


STARTS = st.builds(
    Start,
    st.lists(BALANCES, min_size=7, max_size=7),
    st.one_of(st.just(set[int]()), st.sets(st.integers(1, 7), max_size=2)),
)
# One example that is always there has each refusal in it, and transfers that succeed between them.
EACH_START = Start(["100.00", "0.00", "999999.99", "50.00", "0.00", "0.00", "0.00"], {4})
EACH_REQUEST: list[Request] = [
    *((1, 2, "60.005"), (1, 2, "40.00"), (2, 1, "20.01"), (2, 3, "0.01"), (1, 4, 1), (4, 1, 1)),
    *((1, 1, 5), (1, 8, 5), (None, 1, 5), (1, None, 5), (8, 1, 5), (1, 2, None), (1, 2, "NaN")),
    *((1, 2, "0.004"), (1, 2, "-1"), (2, 5, "0.005"), (5, 6, "0.01"), (6, 7, "0.014")),
]


def count_from(admin: Connection, table: str, id: int) -> None:
    """Give out this id next: a sequence does not roll back by itself."""
    admin.execute("SELECT setval(%s, %s, false)", (f"wallet.{table}_id_seq", id))


def begin(admin: Connection, start: Start) -> None:
    """Open the accounts, ids from 1. The caller's transaction is rolled back in the end."""
    count_from(admin, "account", 1)
    count_from(admin, "transaction", 1)
    open_accounts(admin, *("0" if balance == "0.00" else balance for balance in start.balances))
    for id in start.frozen:
        call(admin, "freeze_account", id)


def one_by_one(
    admin: Connection, function: str, requests: Sequence[Request], *more: object
) -> list[Result]:
    """What a caller with a loop gets: a call for each, and its refusal kept."""
    results = []
    for source, target, asked in requests:
        amount = None if asked is None else Decimal(asked)
        result: Result = {
            **dict.fromkeys((*NOTHING, "ctime", *REFUSAL)),
            "source_account_id": source,
            "target_account_id": target,
            "amount": valid_amount(amount) or amount,  # A refused one is rounded, if it can be.
            "actor": "postgres",
        }
        try:
            with admin.transaction():
                result["state"] = "succeeded"
                result |= call(admin, function, source, target, amount, *more)
        except psycopg.Error as error:
            result |= {"state": "failed", **said(error.diag)}
        results.append(result)
    return results


def timeless(results: Sequence[Result]) -> list[Result]:
    """Results without their time, and numbers as they are written."""
    return [
        {
            name: f"{value:f}" if isinstance(value, Decimal) else value
            for name, value in result.items()
            if name not in ("ctime", "mtime")
        }
        for result in results
    ]


def left(admin: Connection) -> dict[str, list[Result]]:
    """All that is in the tables but when it came there."""
    return {table: timeless(held) for table, held in ledger(admin)._asdict().items()}


def none_done(result: Result, refused: int) -> Result:
    """What becomes of an item of an atomic batch whose item `refused` was the first refused."""
    if result["state"] == "failed":
        return result
    detail = f"Item {refused} was refused, and the batch is atomic: nothing was done."
    hint = "Leave that item out, or give a batch that is not atomic."
    words = zip(REFUSAL, ("WL013", "batch refused", detail, hint), strict=True)
    return {**result, **dict.fromkeys(NOTHING), "state": "failed", **dict(words)}


def through_the_queue(
    admin: Connection,
    requests: list[Request],
    expected: list[Result],
    slices: list[int],
    cancelled: set[int],
) -> Counter[str]:
    """Queue what can be queued, cancel some, process slices; and count the results."""
    seen: Counter[str] = Counter()
    queued = one_by_one(admin, "enqueue_transfer", requests)
    # What is wrong with what was given is said at once, in the words of transfer().
    for result, one in zip(timeless(queued), expected, strict=True):
        if result["state"] == "failed" or one["sqlstate"] in AT_ONCE:
            assert result == one
            seen[f"{result['sqlstate']} at once"] += 1
    pairs = zip(requests, queued, strict=True)
    pending = [(request, result) for request, result in pairs if result["state"] == "pending"]
    for number, (_, result) in enumerate(pending):
        assert result["id"] == pending[0][1]["id"] + number
        if number in cancelled:
            failed = call(admin, "cancel_pending", result["id"])
            assert call(admin, "get_transfer_result", result["id"]) == failed
            seen[failed["sqlstate"]] += 1
    kept = [pair for number, pair in enumerate(pending) if number not in cancelled]
    with admin.transaction(force_rollback=True):
        singly = timeless(one_by_one(admin, "transfer", [request for request, _ in kept]))
        expected_left = left(admin)

    waiting = len(kept)
    for size in [*slices, 25, 1]:
        assert value(admin, "process_pending", size) == min(size, waiting)
        waiting -= min(size, waiting)
    assert waiting == 0
    assert ledger(admin).pending == []
    for (_, result), one in zip(kept, singly, strict=True):
        processed = call(admin, "get_transfer_result", result["id"])
        assert timeless([processed]) == [{**one, "id": result["id"]}]
        assert processed["ctime"] >= result["ctime"]
        seen[processed["sqlstate"] or "succeeded"] += 1
    found = left(admin)
    for held in (found, expected_left):
        held["transactions"] = [{**row, "id": None} for row in held["transactions"]]
    for table in ("accounts", "transactions", "reversals"):
        assert found[table] == expected_left[table]
    assert {row["id"]: row["queued_at"] for row in ledger(admin).queued} == {
        result["id"]: result["ctime"] for _, result in pending
    }
    assert rows(admin, "audit") == []
    return seen


def test_many_transfers_equal_as_many_calls_one_by_one(admin: Connection) -> None:
    """Results, ids and final state; and with `atomic` all or nothing, not even a time."""
    seen: Counter[str] = Counter()

    @hypothesis.seed(fresh_seed())
    @settings(max_examples=15, deadline=None, database=None, suppress_health_check=[*HealthCheck])
    @example(EACH_START, EACH_REQUEST, [2, 1], {1})
    @example(EACH_START, EACH_REQUEST, [], set())
    @example(EACH_START, [], [], set())
    @given(STARTS, REQUESTS, st.lists(st.integers(1, 12), max_size=6), st.sets(st.integers(0, 24)))
    def holds(
        start: Start, requests: list[Request], slices: list[int], cancelled: set[int]
    ) -> None:
        asked = batch(requests)
        with admin.transaction(force_rollback=True):
            begin(admin, start)
            before = ledger(admin)

            def again() -> AbstractContextManager[object]:
                count_from(admin, "transaction", len(before.transactions) + 1)
                return admin.transaction(force_rollback=True)

            with again():
                expected = timeless(one_by_one(admin, "transfer", requests))
                expected_left = left(admin)
            with again():
                results = rows(admin, "transfer_batch", asked, False)
                assert timeless(results) == expected
                assert left(admin) == expected_left
                assert rows(admin, "audit") == []
                for result in results:
                    if result["state"] == "succeeded":
                        made = call(admin, "get_transaction", result["id"])
                        assert made == {name: result[name] for name in made}
            refused = [n for n, result in enumerate(expected, 1) if result["state"] == "failed"]
            if refused:
                results = rows(admin, "transfer_batch", asked, None)
                assert ledger(admin) == before
                assert timeless(results) == [none_done(result, refused[0]) for result in expected]
            # Without those that were refused, the others are all done, and nothing else differs.
            done = [r for n, r in enumerate(asked, 1) if n not in refused]
            with again():
                results = rows(admin, "transfer_batch", done, True)
                assert timeless(results) == [one for one in expected if one["id"]]
                assert left(admin) == expected_left
            with again():
                at_once = one_by_one(admin, "transfer_or_enqueue", requests, 0)
                assert (timeless(at_once), left(admin)) == (expected, expected_left)
            with again():
                seen.update(through_the_queue(admin, requests, expected, slices, cancelled))
        seen.update(f"batch {result['sqlstate']}" for result in expected)

    holds()
    print(f"results: {dict(seen)}")
    later = {"WL006", "WL007", "WL008"}
    assert set(seen) == {
        *(f"batch {sqlstate}" for sqlstate in {None} | AT_ONCE | later),
        *(f"{sqlstate} at once" for sqlstate in AT_ONCE),
        *("succeeded", "WL014", *later),
    }


def test_ten_thousand_are_not_too_many_and_one_more_is(app: Connection, admin: Connection) -> None:
    open_accounts(app, "100", "0")
    requests = batch([(1, 2, "0.01")] * 10_000)
    results = rows(app, "transfer_batch", requests, True)
    assert results[-1]["source_entry"] == 10_001
    assert str(results[-1]["source_balance"]) == "0.00"
    assert_sound(admin)
    before = ledger(admin)
    assert refusal(app, "transfer_batch", [*requests, "(,,)"], False).sqlstate == "WL012"
    assert ledger(admin) == before


def test_a_null_batch_is_an_empty_one_and_a_null_item_has_no_amount(
    app: Connection, admin: Connection
) -> None:
    open_accounts(app, "100", "0")
    before = ledger(admin)
    for atomic in (True, False, None):
        assert rows(app, "transfer_batch", [], atomic) == []
        assert rows(app, "transfer_batch", None, atomic) == []
    assert ledger(admin) == before
    for atomic, other in ((True, "WL013"), (False, None)):
        results = rows(app, "transfer_batch", [None, "(1,2,5)"], atomic)
        assert [result["sqlstate"] for result in results] == ["WL002", other]
