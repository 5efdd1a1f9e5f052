"""All calls of all kinds on few accounts: no deadlock, a sound ledger, and one result for a key.

A DBA freezes, cancels and audits all the while.
"""

from __future__ import annotations

import random
from collections import Counter
from decimal import Decimal
from functools import partial
from threading import Barrier, Event
from typing import Any, cast

from psycopg.errors import SerializationFailure

from tests.concurrency.test_idempotency import keyed_answer
from tests.concurrency.test_transfers import amount, audit, deadlocks, flush_statistics
from tests.support.calls import (
    Connection,
    GroupRequest,
    answer,
    batch,
    call,
    is_replay,
    ledger,
    open_accounts,
    run_group,
    value,
)
from tests.support.databases import Database, assert_sound
from tests.support.model import CODES
from tests.support.seeds import fresh_seed
from tests.support.threads import background, together

CLIENTS = 16
CALLS = 150
KEYED = [
    *("create_account", "transfer", "deposit", "withdraw", "reverse", "transfer_batch"),
    *("enqueue_transfer", "hold", "capture", "release"),
]
KINDS = [
    *(*KEYED, "transfer_or_enqueue", "process_pending", "cancel_pending"),
    *("expire_holds", "set_limits"),
    *["run_group"] * 3,
]
Results = dict[str, list[dict[str, Any]]]
"""What was answered under each key."""


def request(rng: random.Random, ids: list[int]) -> tuple[int, int, Decimal]:
    """A transfer between two accounts, in any order."""
    source, target = rng.sample(ids, 2)
    return source, target, amount(rng)


def arguments(function: str, rng: random.Random, ids: list[int]) -> tuple[object, ...]:
    """What a call is given."""
    given: dict[str, tuple[object, ...]] = {
        "create_account": ("eve@example.com",),
        "deposit": (rng.choice(ids), amount(rng, 1000)),
        "withdraw": (rng.choice(ids), amount(rng, 1000)),
        "reverse": (rng.randint(1, 60),),
        "transfer_batch": (
            batch(request(rng, ids) for _ in range(rng.randint(1, 30))),
            rng.random() < 0.5,
        ),
        "transfer_or_enqueue": (*request(rng, ids), rng.choice([0, 0, "0.02"])),
        "process_pending": (rng.randint(1, 20),),
        "cancel_pending": (rng.randint(1, 2000),),
        "hold": (rng.choice(ids), amount(rng, 1000), rng.choice(["1 day", "50 milliseconds"])),
        "capture": (
            rng.randint(1, 100),
            rng.choice([None, amount(rng, 100)]),
            rng.choice([None, *ids]),
            rng.random() < 0.3,
        ),
        "release": (rng.randint(1, 100),),
        "expire_holds": (10,),
        "set_limits": (rng.choice(ids), rng.choice([0, 0, -1000]), None),
    }
    return given.get(function, request(rng, ids))


def group(rng: random.Random, ids: list[int]) -> list[GroupRequest]:
    """Requests without keys, and with keys that single calls use, too."""
    requests: list[GroupRequest] = []
    for _ in range(rng.randint(1, 30)):
        function = rng.choice(["transfer", "deposit"])
        key = f"keyed {function} {rng.randrange(20)}" if rng.random() < 0.5 else None
        given = arguments(function, random.Random(key) if key else rng, ids)
        source, target, asked = cast(tuple[Any, Any, Any], (None, *given)[-3:])
        requests.append((function, source, target, asked, key))
    return sorted(requests, key=str) if rng.random() < 0.3 else requests


def work(
    database: Database, ids: list[int], seed: str, barrier: Barrier
) -> tuple[Counter[str], Results]:
    """Make calls of any kind, one after the other. How many of each were done or refused.

    Some clients work at a stricter level, and call again for as long as PostgreSQL says so.
    """
    rng = random.Random(seed)
    answers: Counter[str] = Counter()
    results: Results = {}
    with database.connect("wallet_app") as app, database.connect() as dba:
        if rng.random() < 0.2:
            app.execute("SET default_transaction_isolation = 'repeatable read'")
        barrier.wait()
        for _ in range(CALLS):
            kind = rng.choice([*KINDS, *(f"keyed {function}" for function in KEYED)])
            function = kind.removeprefix("keyed ")
            # Keys are few, and each belongs to one request.
            key = f"{kind} {rng.randrange(20)}"
            given = arguments(function, random.Random(key) if kind != function else rng, ids)
            if function == "cancel_pending" and rng.random() < 0.7:
                queued = answer(app, "enqueue_transfer", *request(rng, ids))
                given = (queued["id"],) if isinstance(queued, dict) else given
            if kind == "run_group":
                requests, wait = group(rng, ids), rng.choice([None, 0, 1, 20])
                try:
                    found = run_group(app, requests, wait)
                except SerializationFailure:
                    answers["40001"] += 1
                    continue
                for asked, result in zip(requests, found, strict=True):
                    if result["sqlstate"] or result["transaction"]:
                        answers[f"{kind} {result['sqlstate'] or 'done'}"] += 1
                        if asked[4] is not None:
                            del result["locked_account_id"]
                            results.setdefault(asked[4], []).append(result)
                    else:
                        answers[f"{kind} left out"] += 1
                answers[kind] += 1
                continue
            answered: object = "40001"
            while answered == "40001":
                if kind != function:
                    answered = keyed_answer(app, function, *given, key)
                elif function == "transfer_batch":
                    with_one = "SELECT count(*) FROM wallet.transfer_batch"
                    places = "(%s::wallet.transfer_request[], %s)"
                    answered = answer(app, with_one + places, *given)
                else:
                    answered = answer(dba if "cancel" in function else app, function, *given)
            assert not isinstance(answered, str) or answered in CODES, (kind, given, answered)
            answers[answered if isinstance(answered, str) else kind] += 1
            if kind != function and isinstance(answered, dict):
                results.setdefault(key, []).append(answered)
        flush_statistics(app)
        flush_statistics(dba)
    return answers, results


def decide(database: Database, ids: list[int], seed: str, done: Event) -> int:
    """Freeze and unfreeze accounts for as long as the others work. How often."""
    rng = random.Random(seed)
    times = 0
    with database.connect() as dba:
        while not done.is_set():
            id = rng.choice(ids)
            call(dba, "freeze_account", id)
            call(dba, "unfreeze_account", id)
            times += 1
    return times


def test_everything_at_once_on_ten_accounts_never_deadlocks_and_stays_sound(
    database: Database, app: Connection, admin: Connection
) -> None:
    ids = open_accounts(app, *["999999.99", "0", "500000", "1000", "0.01"] * 2)
    seed = fresh_seed()
    done = Event()
    with (
        background(audit, database, ids, Event(), done) as auditor,
        background(decide, database, ids, seed, done) as dba,
    ):
        try:
            tasks = [partial(work, database, ids, f"{seed}-{number}") for number in range(CLIENTS)]
            worked = together(tasks)
        finally:
            done.set()
        seen, times = auditor.result(), dba.result()
    answers = sum((counted for counted, _ in worked), Counter[str]())
    print(f"answers: {dict(answers)}; audits: {len(seen)}; frozen: {times}")
    assert {*KINDS, *(f"keyed {function}" for function in KEYED)} <= set(answers)
    assert {"WL006", "WL009", "run_group WL006", "run_group done"} <= set(answers)
    assert len(set(seen)) > 1, "the audits were not made while others wrote"
    assert times > 0

    results: Results = {}
    for _, found in worked:
        for key, several in found.items():
            results.setdefault(key, []).extend(several)
    for key, several in results.items():
        (first,) = [one for one in several if not one["replayed"]]
        assert all(is_replay(first, one) for one in several if one is not first), key
    assert {row["key"] for row in ledger(admin).keys} == set(results)

    waiting = len(ledger(admin).pending)
    assert value(app, "process_pending", 10_000) == waiting
    assert ledger(admin).pending == []
    assert ledger(admin).failed
    # What was queued under a key and answered has come to something.
    queued = [one for several in results.values() for one in several[0]["results"] or []]
    ids = [one["id"] for one in queued if one["state"] == "pending"]
    assert ids
    for id in ids:
        assert call(app, "get_transfer_result", id)["state"] in ("succeeded", "failed")
    assert deadlocks(admin) == 0
    assert_sound(admin)
