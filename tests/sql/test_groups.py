"""Requests in groups: the same answers and the same ledger as one request at a time."""

from __future__ import annotations

from collections import Counter
from datetime import datetime
from typing import Any
from uuid import uuid4

import hypothesis
import psycopg
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from tests.sql.test_idempotency import BAD_KEYS
from tests.support.calls import (
    Connection,
    GroupRequest,
    Request,
    batch,
    call,
    keyed,
    ledger,
    open_accounts,
    rows,
    run_group,
    said,
    value,
)
from tests.support.seeds import fresh_seed

# `accounts` opens a rich account, one with a cent, a full one and a frozen one.
IDS = st.sampled_from([*[1, 2, 3, 4] * 6, None, 77, -1, 2**63 - 1])
AMOUNTS = st.sampled_from(
    [
        *["1", "2.50", "3", "60.005", "0.005", "0.01", "0.014"] * 4,
        *("899900", "999999.99", "999999.994", "999999.995", "1e131071"),
        *(None, "NaN", "Infinity", "-0.01", "0.0049"),
    ]
)
REQUESTS = st.one_of(
    st.tuples(st.just("deposit"), st.none(), IDS, AMOUNTS),
    st.tuples(st.just("withdraw"), IDS, st.none(), AMOUNTS),
    st.tuples(st.just("transfer"), IDS, IDS, AMOUNTS),
)
KEYS = st.sampled_from(["k-0", "k-1", "K-1", "paid", "refused", "opened", "queued", "batch"])
# The requests of two of the keys that are known from before.
KNOWN: list[GroupRequest] = [
    ("deposit", None, 4, "0.005", "paid"),
    ("withdraw", 2, None, "500", "refused"),
]
# What random requests meet too seldom is met at least once.
EACH: list[GroupRequest] = [
    *(*KNOWN, ("deposit", None, 1, 1, None), ("deposit", None, 1, 1, "batch")),
    *(("deposit", None, 1, 0, None), ("transfer", 1, 1, 1, None), ("deposit", None, 77, 1, None)),
    *(
        ("withdraw", 2, None, 5, None),
        ("deposit", None, 3, 1, None),
        ("withdraw", 4, None, 1, None),
    ),
    # What is wrong with the first leaves the key to the second.
    *(("deposit", None, 1, 0, "k-0"), ("deposit", None, 1, 1, "k-0")),
]
Step = tuple[list[GroupRequest], int | None]
"""A group, and the account that is frozen or unfrozen after it."""
Answers = list[dict[str, Any]]


@st.composite
def steps(draw: st.DrawFn) -> list[Step]:
    """Groups that share keys: some come with the same request each time, some with any."""
    own = draw(st.lists(REQUESTS, min_size=2, max_size=4))
    same = [(*request, f"k-{number}") for number, request in enumerate(own)]
    request = st.one_of(
        st.sampled_from([*same, *KNOWN]),
        st.tuples(REQUESTS, KEYS).map(lambda pair: (*pair[0], pair[1])),
        REQUESTS.map(lambda request: (*request, None)),
    )
    group = st.lists(request, max_size=12)
    freeze = st.one_of(st.none(), st.integers(1, 4))
    return draw(st.lists(st.tuples(group, freeze), min_size=1, max_size=4))


@pytest.fixture(autouse=True)
def accounts(app: Connection, admin: Connection) -> None:
    open_accounts(app, "100000", "0.01", "999999.99", "50")
    # A key belongs to who brought it: the same role makes the groups.
    for operation, source, target, amount, key in KNOWN:
        keyed(admin, operation or "", source or target, amount, key)
    keyed(admin, "create_account", "eve@example.com", "opened")
    keyed(admin, "enqueue_transfer", 1, 2, 5, "queued")
    keyed(admin, "transfer_batch", batch([(1, 2, 5), (1, 2, "NaN")]), False, "batch")
    call(admin, "freeze_account", 4)


def alone(connection: Connection, request: GroupRequest) -> dict[str, Any]:
    """The answer to a call of the operation's own full form; a refusal that it raises, too."""
    operation, source, target, amount, key = request
    ids = [source, target] if operation == "transfer" else [source or target]
    try:
        with connection.transaction():
            return keyed(connection, str(operation), *ids, amount, key)
    except psycopg.Error as error:
        nothing = dict.fromkeys(("account", "transaction", "results", "hold"))
        return {"replayed": False, **nothing, **said(error.diag)}


def play(admin: Connection, given: list[Step], grouped: bool) -> tuple[Answers, list[Any]]:
    """What each request is answered, and the ledger at the end. Nothing of it stays.

    A transaction's id is replaced by the number of the request that made it, and its time is not
    compared: audit() looks at the times.
    """
    answers: Answers = []
    with admin.transaction(force_rollback=True):
        for requests, freeze in given:
            if grouped:
                results = run_group(admin, requests)
                assert [one.pop("locked_account_id") for one in results] == [None] * len(requests)
                answers += results
            else:
                answers += [alone(admin, request) for request in requests]
            if freeze:
                frozen = call(admin, "get_account", freeze)["frozen"]
                call(admin, "unfreeze_account" if frozen else "freeze_account", freeze)
        assert rows(admin, "audit") == []
        after = ledger(admin)
    made = {
        one["transaction"]["id"]: f"request {number}"
        for number, one in enumerate(answers)
        if one["transaction"] and not one["replayed"]
    }
    for one in answers:
        if one["transaction"]:
            one["transaction"]["id"] = made.get(one["transaction"]["id"], "before")
            del one["transaction"]["ctime"]
    for row in [*after.accounts, *after.transactions, *after.keys]:
        row.update(dict.fromkeys(("ctime", "mtime")))
        for name in ("id", "transaction_id"):
            row[name] = made.get(row.get(name), row.get(name))
    for row in after.events:
        row.update(dict.fromkeys(("id", "ctime")))
    after.transactions.sort(key=lambda row: str(row["id"]))
    return answers, list(after)


def test_a_group_answers_and_does_what_its_requests_do_one_by_one(admin: Connection) -> None:
    seen: Counter[str] = Counter()

    @hypothesis.seed(fresh_seed())
    @settings(max_examples=40, deadline=None, database=None, suppress_health_check=[*HealthCheck])
    @given(steps())
    @example([(EACH, None)])
    def compare(given: list[Step]) -> None:
        singly, expected = play(admin, given, grouped=False)
        together, got = play(admin, given, grouped=True)
        for one, other in zip(together, singly, strict=True):
            assert one == other
            replayed = "replayed " if one["replayed"] else ""
            seen[f"{replayed}{one['sqlstate'] or 'done'}"] += 1
        assert got == expected

    compare()
    print(f"what was answered: {dict(seen)}")
    refusals = {f"WL{number:03}" for number in (2, 3, 4, 6, 7, 8, 11)}
    assert {"done", "replayed done", "replayed WL006", *refusals} <= set(seen)


def test_a_bad_key_or_operation_among_good_requests_fails_the_call_and_nothing_is_done(
    app: Connection, admin: Connection
) -> None:
    good: GroupRequest = ("deposit", None, 1, 5, "new")
    bad: list[GroupRequest] = [
        *[("deposit", None, 1, 5, key) for key in BAD_KEYS if key is not None],
        *[(name, 1, 2, 5, None) for name in (None, "", "Transfer", "reverse", "create_account")],
        *[("deposit", 1, 2, 5, None), ("withdraw", 1, 2, 5, None), ("deposit", 1, None, 5, "k")],
    ]
    before = ledger(admin)
    for request in bad:
        with pytest.raises(psycopg.errors.InvalidParameterValue):
            run_group(app, [good, request, good])
        assert ledger(admin) == before, request
    assert run_group(app, []) == []


def test_an_entrys_time_comes_from_its_own_two_accounts(app: Connection, admin: Connection) -> None:
    """One account's last entry is dated 2031, as when the clock was set back."""
    now = value(admin, "SELECT clock_timestamp()")
    late = datetime(2031, 1, 1, tzinfo=now.tzinfo)
    admin.execute("UPDATE wallet.account SET mtime = %s WHERE id = 1", (late,))
    call(admin, "unfreeze_account", 4)
    moves: list[Request] = [(2, 4, "0.01"), (1, 2, 5), (4, 5, 1), (2, 5, 1), (4, 3, 1), (5, 4, 1)]
    dated = []
    with admin.transaction(force_rollback=True):
        results = rows(admin, "transfer_batch", batch(moves), False)
        dated.append([one["ctime"] for one in results if one["state"] == "succeeded"])
    run_group(app, [("transfer", *move, f"time {n}") for n, move in enumerate(moves)])
    made = rows(admin, "SELECT ctime FROM wallet.transaction ORDER BY id DESC LIMIT 5")
    dated.append([row["ctime"] for row in reversed(made)])
    for times in dated:
        # Only the fifth is refused. The last one comes after an entry of 2031 along account 5.
        assert [time == late for time in times] == [False, True, False, True, True]
        assert now < times[0] <= times[2] < late


def test_ten_thousand_keys_take_240_bytes_each_at_most(app: Connection, admin: Connection) -> None:
    admin.execute("TRUNCATE wallet.idempotency_key")
    for _ in range(100):
        run_group(
            app, [("deposit", None, 2, "0.01", str(uuid4())) for _ in range(100)], actor="shop"
        )
    admin.execute("VACUUM wallet.idempotency_key")
    each = value(admin, "SELECT pg_total_relation_size('wallet.idempotency_key')") / 10_000
    keyed(app, "transfer_batch", batch([(1, 2, "0.01"), (2, 1, "0.01")] * 1_000), False, "many")
    stored = "SELECT pg_column_size(k.*) FROM wallet.idempotency_key k WHERE key = 'many'"
    print(f"{each:.0f} bytes a key; a batch of 2000 takes {value(admin, stored)}")
    assert each <= 240
