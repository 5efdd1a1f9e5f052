"""A batch comes out as its transfers would one by one: outcomes, ids, and what is left behind."""

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
    DEPOSIT,
    FREEZE_ACCOUNT,
    GET_TRANSACTION,
    TRANSFER_BATCH,
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
    BATCH_REFUSED,
    BATCH_TOO_LARGE,
    IDEMPOTENCY_KEY_REUSED,
    INSUFFICIENT_FUNDS,
    INVALID_AMOUNT,
    SAME_ACCOUNT,
    valid_amount,
)
from tests.support.seeds import fresh_seed

REFUSAL = ("sqlstate", "message", "detail", "hint")
KEYED_BATCH = """
    SELECT a.replayed, to_jsonb(a.outcomes) AS outcomes, a.account, a.transaction, a.refusal
    FROM wallet.transfer_batch(%s::wallet.transfer_request[], %s, %s) a
"""
# What a caller with a loop would do: transfer() for each, and its refusal kept.
ONE_BY_ONE = """
    CREATE FUNCTION pg_temp.one_by_one(transfers wallet.transfer_request[])
    RETURNS SETOF wallet.outcome LANGUAGE plpgsql AS $$
    DECLARE
        v_request record;
        v_made wallet.transaction;
        v_sqlstate text;
        v_message text;
        v_detail text;
        v_hint text;
    BEGIN
        FOR v_request IN SELECT * FROM unnest(transfers) LOOP
            BEGIN
                v_made := wallet.transfer(v_request.source_account_id,
                    v_request.target_account_id, v_request.amount);
                RETURN QUERY SELECT v_made.*, 'succeeded', NULL, NULL, NULL, NULL;
            EXCEPTION WHEN OTHERS THEN
                GET STACKED DIAGNOSTICS v_sqlstate = RETURNED_SQLSTATE,
                    v_message = MESSAGE_TEXT, v_detail = PG_EXCEPTION_DETAIL,
                    v_hint = PG_EXCEPTION_HINT;
                RETURN QUERY SELECT NULL::bigint, v_request.source_account_id,
                    v_request.target_account_id, v_request.amount, clock_timestamp(), NULL::bigint,
                    NULL::bigint, NULL::numeric, NULL::numeric, 'failed', v_sqlstate, v_message,
                    v_detail, v_hint;
            END;
        END LOOP;
    END
    $$
"""
CALL_ONE_BY_ONE = "SELECT * FROM pg_temp.one_by_one(%s::wallet.transfer_request[])"
LARGEST = 2**63 - 1

# Two of three transfers are between the first three accounts; 8 is never opened.
IDS = st.one_of(
    *[st.integers(1, 3)] * 4,
    st.integers(1, 8),
    st.sampled_from([None, -1, 0, LARGEST]),
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
        call(admin, FREEZE_ACCOUNT, id)


def count_from(admin: Connection, table: str, id: int) -> None:
    """Give out this id next: a sequence does not roll back by itself."""
    admin.execute("SELECT setval(%s, %s, false)", (f"wallet.{table}_id_seq", id))


def left(admin: Connection) -> dict[str, list[dict[str, Any]]]:
    """All that is in the tables but when it came there."""
    found = {}
    for table, held in ledger(admin)._asdict().items():
        found[table] = [
            {name: value for name, value in row.items() if name not in ("ctime", "mtime")}
            for row in held
        ]
    return found


def timeless(outcomes: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """Outcomes without their time, and numbers as they are written."""
    return [
        {
            name: str(value) if isinstance(value, Decimal) else value
            for name, value in outcome.items()
            if name != "ctime"
        }
        for outcome in outcomes
    ]


def expected_of(outcomes: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """What one-by-one calls came to. A refused amount is shown rounded, if it can be."""
    for outcome in outcomes:
        hundredths = valid_amount(outcome["amount"])
        outcome["amount"] = outcome["amount"] if hundredths is None else hundredths
    return timeless(outcomes)


@pytest.fixture
def loop(admin: Connection) -> Connection:
    """A superuser's connection that has pg_temp.one_by_one()."""
    admin.execute(ONE_BY_ONE)
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
    """Outcomes, ids and final state; and with `atomic` all or nothing, not even a time."""
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
                expected = expected_of(rows(loop, CALL_ONE_BY_ONE, asked))
                expected_left = left(loop)

            count_from(loop, "transaction", next_id)
            with loop.transaction(force_rollback=True):
                outcomes = rows(loop, TRANSFER_BATCH, asked, False)
                assert timeless(outcomes) == expected
                assert left(loop) == expected_left
                assert rows(loop, "SELECT * FROM wallet.audit()") == []
                for outcome in outcomes:
                    if outcome["state"] == "succeeded":
                        made = call(loop, GET_TRANSACTION, outcome["id"])
                        assert made == {name: outcome[name] for name in made}

            refused = [n for n, outcome in enumerate(expected, 1) if outcome["state"] == "failed"]
            if refused:
                before = ledger(loop)
                outcomes = rows(loop, TRANSFER_BATCH, asked, None)
                assert ledger(loop) == before
                assert timeless(outcomes) == [
                    none_done(outcome, refused[0]) for outcome in expected
                ]
            # Without those that were refused, the others are all done, and nothing else differs.
            count_from(loop, "transaction", next_id)
            done = [
                request
                for request, outcome in zip(asked, expected, strict=True)
                if outcome["state"] == "succeeded"
            ]
            outcomes = rows(loop, TRANSFER_BATCH, done, True)
            assert timeless(outcomes) == [o for o in expected if o["state"] == "succeeded"]
            assert left(loop) == expected_left
        seen.update(outcome["sqlstate"] or "succeeded" for outcome in expected)
        seen["atomic, done"] += bool(requests) and not refused

    run(holds, 300)
    print(f"outcomes: {dict(seen)}")
    assert set(seen) - {"atomic, done"} == {
        "succeeded",
        *(INVALID_AMOUNT, SAME_ACCOUNT, ACCOUNT_NOT_FOUND),
        *(INSUFFICIENT_FUNDS, BALANCE_LIMIT_EXCEEDED, ACCOUNT_FROZEN),
    }


def none_done(outcome: dict[str, Any], refused: int) -> dict[str, Any]:
    """What becomes of an item of an atomic batch whose item `refused` was the first refused."""
    if outcome["state"] == "failed":
        return outcome
    nothing = dict.fromkeys(("id", "source_entry", "target_entry"))
    return {
        **outcome,
        **nothing,
        **dict.fromkeys(("source_balance", "target_balance")),
        "state": "failed",
        "sqlstate": BATCH_REFUSED,
        "message": "batch refused",
        "detail": f"Item {refused} was refused, and the batch is atomic: nothing was done.",
        "hint": "Leave that item out, or give a batch that is not atomic.",
    }


def test_every_combination_is_refused_as_a_transfer_is(loop: Connection) -> None:
    """As batches of one, all from the same start; 1 is empty, 3 full and 4 frozen."""
    ids = (None, -1, 0, 1, 2, 3, 4, 77, LARGEST)
    amounts = ["", "NaN", "-1", "0.004", "0.005", "100.005", "999900", "999999.99", "Infinity"]
    with loop.transaction(force_rollback=True):
        begin(loop, Start(["0.00", "100.00", "999999.99", "50.00"], {4}))
        for source in ids:
            for target in ids:
                requests = batch((source, target, amount) for amount in amounts)
                for request in requests:
                    with loop.transaction(force_rollback=True):
                        count_from(loop, "transaction", 10)
                        expected = expected_of(rows(loop, CALL_ONE_BY_ONE, [request]))
                    with loop.transaction(force_rollback=True):
                        count_from(loop, "transaction", 10)
                        made = timeless(rows(loop, TRANSFER_BATCH, [request], True))
                    assert made == expected, request


def test_a_batch_sees_what_those_before_it_leave(app: Connection, admin: Connection) -> None:
    """The hundred go round and round: each transfer needs the one before."""
    open_accounts(app, "100", "0", "0")
    round = [(1, 2, 100), (2, 3, 100), (3, 1, 100)]
    outcomes = rows(app, TRANSFER_BATCH, batch(round * 10), True)
    assert {outcome["state"] for outcome in outcomes} == {"succeeded"}
    assert [outcome["id"] for outcome in outcomes] == list(range(2, 32))
    assert [outcome["target_entry"] for outcome in outcomes[:3]] == [1, 1, 3]
    assert balances(admin) == {1: "100.00", 2: "0.00", 3: "0.00"}
    assert_sound(admin)


def test_ten_thousand_are_not_too_many_and_one_more_is(app: Connection, admin: Connection) -> None:
    open_accounts(app, "100", "0")
    requests = batch([(1, 2, "0.01")] * 10_000)
    outcomes = rows(app, TRANSFER_BATCH, requests, True)
    assert outcomes[-1]["source_entry"] == 10_001
    assert str(outcomes[-1]["source_balance"]) == "0.00"
    assert_sound(admin)
    before = ledger(admin)
    assert refusal(app, TRANSFER_BATCH, [*requests, "(,,)"], False).sqlstate == BATCH_TOO_LARGE
    assert ledger(admin) == before


@pytest.mark.parametrize("transfers", [[], None])
@pytest.mark.parametrize("atomic", [True, False, None])
def test_no_transfers_are_an_empty_answer(
    app: Connection, admin: Connection, transfers: list[str] | None, atomic: bool | None
) -> None:
    before = ledger(admin)
    assert rows(app, TRANSFER_BATCH, transfers, atomic) == []
    assert ledger(admin) == before


@pytest.mark.parametrize("atomic", [True, False])
def test_an_item_that_is_null_is_refused_for_its_amount(app: Connection, atomic: bool) -> None:
    open_accounts(app, "100", "0")
    outcomes = rows(app, TRANSFER_BATCH, [None, "(1,2,5)"], atomic)
    assert [outcome["sqlstate"] for outcome in outcomes] == [
        INVALID_AMOUNT,
        BATCH_REFUSED if atomic else None,
    ]


def test_a_batch_is_of_its_callers_transaction(app: Connection, admin: Connection) -> None:
    open_accounts(app, "100", "0")
    before = ledger(admin)
    with app.transaction(force_rollback=True):
        assert rows(app, TRANSFER_BATCH, ["(1,2,5)"], True)[0]["state"] == "succeeded"
    assert ledger(admin) == before


def test_no_time_runs_backwards_when_the_clock_was_set_back(
    app: Connection, admin: Connection
) -> None:
    open_accounts(app, "100", "0", "50")
    with admin.transaction():
        admin.execute("SET LOCAL wallet.change_history = on")
        admin.execute("UPDATE wallet.transaction SET ctime = 'tomorrow' WHERE id = 2")
        admin.execute("UPDATE wallet.account SET mtime = 'tomorrow' WHERE id = 3")
    rows(app, TRANSFER_BATCH, ["(1,2,5)", "(3,1,5)"], True)
    assert_sound(admin)


# With a key.


def test_a_batch_with_a_key_is_done_once(app: Connection, admin: Connection) -> None:
    open_accounts(app, "100", "0")
    asked = batch([(1, 2, "5.005"), (2, 1, 500), (1, 77, 1), (2, 1, "NaN")])
    with admin.transaction(force_rollback=True):
        plain = rows(admin, f"SELECT to_jsonb(o) AS o FROM ({TRANSFER_BATCH}) o", asked, False)
    first = call(app, KEYED_BATCH, asked, False, "k-1")
    assert first["replayed"] is False
    assert (first["account"], first["transaction"], first["refusal"]) == (None, None, None)
    for got, one in zip(first["outcomes"], plain, strict=True):
        # A sequence does not roll back, and time does not stand still.
        assert {**one["o"], "id": got["id"], "ctime": got["ctime"]} == got
    after = ledger(admin)
    for _ in range(2):
        assert call(app, KEYED_BATCH, asked, False, "k-1") == {**first, "replayed": True}
    assert ledger(admin) == after
    assert_sound(admin)


@pytest.mark.parametrize(
    ("asked", "atomic"),
    [
        (["(1,2,5)", "(1,2,5)"], True),
        (["(1,2,6)"], True),
        (["(2,1,5)"], True),
        (["(1,2,5)"], False),
        (["(1,2,5)"], None),
        ([], True),
    ],
)
def test_a_key_is_refused_for_another_batch(
    app: Connection, admin: Connection, asked: list[str], atomic: bool | None
) -> None:
    open_accounts(app, "100", "100")
    first = call(app, KEYED_BATCH, ["(1,2,5)"], True, "k-1")
    before = ledger(admin)
    assert refusal(app, KEYED_BATCH, asked, atomic, "k-1").sqlstate == IDEMPOTENCY_KEY_REUSED
    assert ledger(admin) == before
    assert call(app, KEYED_BATCH, ["(1,2,5.00)"], True, "k-1") == {**first, "replayed": True}


def test_a_batch_that_was_refused_is_refused_again_when_the_money_has_come(
    app: Connection, admin: Connection
) -> None:
    open_accounts(app, "100", "0")
    asked = ["(1,2,60)", "(1,2,60)"]
    first = call(app, KEYED_BATCH, asked, True, "k-1")
    assert [outcome["sqlstate"] for outcome in first["outcomes"]] == [
        BATCH_REFUSED,
        INSUFFICIENT_FUNDS,
    ]
    call(app, DEPOSIT, 1, 100)
    before = ledger(admin)
    assert call(app, KEYED_BATCH, asked, True, "k-1") == {**first, "replayed": True}
    assert ledger(admin) == before
    again = call(app, KEYED_BATCH, asked, True, "k-2")
    assert [outcome["state"] for outcome in again["outcomes"]] == ["succeeded"] * 2
    assert_sound(admin)


def test_a_batch_that_is_too_large_leaves_no_key(app: Connection, admin: Connection) -> None:
    open_accounts(app, "100", "0")
    before = ledger(admin)
    for _ in range(2):
        diagnostic = refusal(app, KEYED_BATCH, batch([(1, 2, 1)] * 10_001), True, "k-1")
        assert diagnostic.sqlstate == BATCH_TOO_LARGE
    assert ledger(admin) == before
    assert rows(admin, "SELECT FROM wallet.idempotency_key") == []
    assert call(app, KEYED_BATCH, ["(1,2,1)"], True, "k-1")["replayed"] is False


def test_no_batch_at_all_has_an_answer_under_a_key(app: Connection) -> None:
    first = call(app, KEYED_BATCH, None, True, "k-1")
    assert (first["replayed"], first["outcomes"]) == (False, [])
    assert call(app, KEYED_BATCH, [], True, "k-1") == {**first, "replayed": True}
