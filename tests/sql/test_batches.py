"""A batch's results are those of its transfers one by one: refusals, ids, and what is left."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from decimal import Decimal
from typing import Any, NamedTuple

import hypothesis
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from tests.support.calls import (
    Connection,
    Request,
    batch,
    call,
    ledger,
    open_accounts,
    refusal,
    rows,
)
from tests.support.databases import assert_sound
from tests.support.model import valid_amount
from tests.support.seeds import fresh_seed

REFUSAL = ("sqlstate", "message", "detail", "hint")
# What a caller with a loop would do: a call for each, and its refusal kept.
LOOP = """
    CREATE FUNCTION pg_temp.each_{function}_batch(transfers wallet.transfer_request[])
    RETURNS SETOF wallet.transfer_result LANGUAGE plpgsql AS $$
    DECLARE
        v_request record;
        v_sqlstate text;
        v_message text;
        v_detail text;
        v_hint text;
    BEGIN
        FOR v_request IN SELECT * FROM unnest(transfers) LOOP
            BEGIN
                RETURN QUERY SELECT {columns} FROM wallet.{function}(v_request.source_account_id,
                    v_request.target_account_id, v_request.amount{more}) m;
            EXCEPTION WHEN OTHERS THEN
                GET STACKED DIAGNOSTICS v_sqlstate = RETURNED_SQLSTATE,
                    v_message = MESSAGE_TEXT, v_detail = PG_EXCEPTION_DETAIL,
                    v_hint = PG_EXCEPTION_HINT;
                RETURN QUERY SELECT NULL::bigint, v_request.source_account_id,
                    v_request.target_account_id, v_request.amount, clock_timestamp(), NULL::bigint,
                    NULL::bigint, NULL::numeric, NULL::numeric, session_user::text, 'failed',
                    v_sqlstate, v_message, v_detail, v_hint;
            END;
        END LOOP;
    END
    $$
"""
# A transaction's as a result's. A column of a domain is not one of the domain's own type.
SUCCEEDED = """m.id, m.source_account_id, m.target_account_id, m.amount::numeric, m.ctime,
    m.source_entry::bigint, m.target_entry::bigint, m.source_balance::numeric,
    m.target_balance::numeric, m.actor::text, 'succeeded', NULL, NULL, NULL, NULL"""
LARGEST = 2**63 - 1

# Most transfers are between the first three accounts; 8 is never opened.
IDS = st.one_of(
    *[st.integers(1, 3)] * 4, st.integers(1, 8), st.sampled_from([None, -1, 0, LARGEST])
)
BALANCES = st.one_of(
    st.sampled_from(["0.00", "0.01", "100.00", "500000.00", "999999.98", "999999.99"]),
    st.decimals("0", "999999.99", places=2).map(str),
)
AMOUNTS = st.one_of(
    st.integers(1, 20_000).map(lambda cents: Decimal(cents).scaleb(-2)),
    st.decimals("0.01", "999999.99", places=2),
    st.decimals("0.004", "1000", places=4),
    st.sampled_from(
        [
            None,
            *("NaN", "Infinity", "-Infinity", "-1", "0", "0.004", "0.00499999", "0.005"),
            *("0.01", "100", "500000", "999999.98", "999999.99", "999999.994", "999999.995"),
            *("1000000", "1e131071", "1e-16383"),
        ]
    ).map(lambda amount: None if amount is None else Decimal(amount)),
)
# What an account holds, or just more or less than it, is asked for as often as anything.
SOUND_AMOUNTS = st.one_of(
    st.decimals("0.01", "200", places=2),
    st.sampled_from([Decimal(a) for a in ("0.01", "100", "100.01", "499999.99", "999999.99")]),
    st.decimals("0.005", "999999.99", places=3),
)
SOUND_REQUESTS = st.builds(
    lambda pair, amount: (*pair, amount),
    st.one_of(
        st.permutations([1, 2, 3]).map(lambda ids: (ids[0], ids[1])),
        st.permutations(range(1, 8)).map(lambda ids: (ids[0], ids[1])),
    ),
    SOUND_AMOUNTS,
)
ANY_REQUEST = st.one_of(*[SOUND_REQUESTS] * 3, st.tuples(IDS, IDS, AMOUNTS))
# Left to itself, Hypothesis draws short lists: the size is drawn first.
REQUESTS = st.integers(1, 25).flatmap(
    lambda size: st.lists(ANY_REQUEST, min_size=size, max_size=size)
)


class Start(NamedTuple):
    """What accounts 1, 2, 3 … hold before a batch, and which are frozen."""

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


def begin(admin: Connection, start: Start) -> None:
    """Open the accounts, ids from 1. The caller's transaction is rolled back in the end."""
    count_from(admin, "account", 1)
    count_from(admin, "transaction", 1)
    open_accounts(admin, *("0" if balance == "0.00" else balance for balance in start.balances))
    for id in start.frozen:
        call(admin, "freeze_account", id)


def count_from(admin: Connection, table: str, id: int) -> None:
    """Give out this id next: a sequence does not roll back by itself."""
    admin.execute("SELECT setval(%s, %s, false)", (f"wallet.{table}_id_seq", id))


def each(admin: Connection, function: str, requests: list[str]) -> list[dict[str, Any]]:
    """The results of a call of `function` for each."""
    return rows(admin, f"pg_temp.each_{function}_batch", requests)


def left(admin: Connection) -> dict[str, list[dict[str, Any]]]:
    """All that is in the tables but when it came there."""
    return {
        table: [
            {name: value for name, value in row.items() if name not in ("ctime", "mtime")}
            for row in held
        ]
        for table, held in ledger(admin)._asdict().items()
    }


def timeless(results: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """Results without their time, and numbers as they are written."""
    return [
        {
            name: str(value) if isinstance(value, Decimal) else value
            for name, value in result.items()
            if name != "ctime"
        }
        for result in results
    ]


def expected_of(results: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """What one-by-one calls came to. A refused amount is shown rounded, if it can be."""
    for result in results:
        hundredths = valid_amount(result["amount"])
        result["amount"] = result["amount"] if hundredths is None else hundredths
    return timeless(results)


@pytest.fixture
def loop(admin: Connection) -> Connection:
    """A superuser's connection for each()."""
    admin.execute(LOOP.format(function="transfer", columns=SUCCEEDED, more=""))
    return admin


def run(holds: Any, examples: int) -> None:
    """Run a property with a seed that is printed. It shares the connections with its test."""
    checked = settings(
        max_examples=examples,
        deadline=None,
        print_blob=True,
        database=None,
        suppress_health_check=list(HealthCheck),
    )(holds)
    hypothesis.seed(fresh_seed())(checked)()


def test_a_batch_equals_its_transfers_one_by_one(loop: Connection) -> None:
    """Results, ids and final state; and with `atomic` all or nothing, not even a time."""
    seen: Counter[str] = Counter()

    @example(EACH_START, EACH_REQUEST)
    @example(EACH_START, [])
    @given(STARTS, REQUESTS)
    def holds(start: Start, requests: list[Request]) -> None:
        asked = batch(requests)
        with loop.transaction(force_rollback=True):
            begin(loop, start)
            next_id = len(ledger(loop).transactions) + 1
            with loop.transaction(force_rollback=True):
                expected = expected_of(each(loop, "transfer", asked))
                expected_left = left(loop)

            count_from(loop, "transaction", next_id)
            with loop.transaction(force_rollback=True):
                results = rows(loop, "transfer_batch", asked, False)
                assert timeless(results) == expected
                assert left(loop) == expected_left
                assert rows(loop, "audit") == []
                for result in results:
                    if result["state"] == "succeeded":
                        made = call(loop, "get_transaction", result["id"])
                        assert made == {name: result[name] for name in made}

            refused = [n for n, result in enumerate(expected, 1) if result["state"] == "failed"]
            if refused:
                before = ledger(loop)
                results = rows(loop, "transfer_batch", asked, None)
                assert ledger(loop) == before
                assert timeless(results) == [none_done(result, refused[0]) for result in expected]
            # Without those that were refused, the others are all done, and nothing else differs.
            count_from(loop, "transaction", next_id)
            done = [
                request
                for request, result in zip(asked, expected, strict=True)
                if result["state"] == "succeeded"
            ]
            results = rows(loop, "transfer_batch", done, True)
            assert timeless(results) == [one for one in expected if one["state"] == "succeeded"]
            assert left(loop) == expected_left
        seen.update(result["sqlstate"] or "succeeded" for result in expected)

    run(holds, 60)
    print(f"results: {dict(seen)}")
    assert set(seen) == {"succeeded", "WL002", "WL003", "WL004", "WL006", "WL007", "WL008"}


def none_done(result: dict[str, Any], refused: int) -> dict[str, Any]:
    """What becomes of an item of an atomic batch whose item `refused` was the first refused."""
    if result["state"] == "failed":
        return result
    nothing = ("id", "source_entry", "target_entry", "source_balance", "target_balance")
    return {
        **result,
        **dict.fromkeys(nothing),
        "state": "failed",
        "sqlstate": "WL013",
        "message": "batch refused",
        "detail": f"Item {refused} was refused, and the batch is atomic: nothing was done.",
        "hint": "Leave that item out, or give a batch that is not atomic.",
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


def test_no_transfers_are_an_empty_answer_and_a_null_has_no_amount(
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


def test_an_items_time_is_from_the_clock_and_its_two_accounts_alone(
    app: Connection, admin: Connection
) -> None:
    """A clock that was set back holds up the accounts that it touched, and no others."""
    open_accounts(app, "100", "0", "50", "10", "0")
    admin.execute("UPDATE wallet.account SET mtime = 'tomorrow' WHERE id = 3")
    results = rows(app, "transfer_batch", ["(1,2,5)", "(3,1,5)", "(4,5,1)", "(1,2,1)"], True)
    times = [result["ctime"] for result in results]
    assert times[0] == times[2] < times[1] == times[3]
    assert_sound(admin)
