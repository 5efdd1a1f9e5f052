"""However many calls with one key come at once, and whatever becomes of them, one is done."""

from __future__ import annotations

import random
from collections import Counter
from functools import partial
from threading import Barrier
from typing import Any

import psycopg
import pytest
from psycopg.errors import AdminShutdown, QueryCanceled

from tests.concurrency.test_interruptions import kill
from tests.concurrency.test_transfers import amount, deadlocks, flush_statistics
from tests.sql.test_idempotency import (
    KEYED_CREATE_ACCOUNT,
    KEYED_DEPOSIT,
    KEYED_REVERSE,
    KEYED_TRANSFER,
    KEYED_WITHDRAW,
    SERIALIZATION_FAILURE,
    keys,
    same,
)
from tests.support.calls import (
    DEPOSIT,
    REVERSE,
    TRANSFER,
    WITHDRAW,
    Connection,
    answer,
    balances,
    call,
    ledger,
    open_accounts,
    refusal,
    rows,
)
from tests.support.databases import Database, assert_sound
from tests.support.model import CODES, IDEMPOTENCY_KEY_REUSED, INSUFFICIENT_FUNDS
from tests.support.seeds import fresh_seed
from tests.support.threads import background, together, wait_until_blocked

CONNECTIONS = 20
CALLS = 100
ROUNDS = 10
PLAIN = {
    KEYED_DEPOSIT: DEPOSIT,
    KEYED_WITHDRAW: WITHDRAW,
    KEYED_TRANSFER: TRANSFER,
    KEYED_REVERSE: REVERSE,
}

Answers = dict[str, list[dict[str, Any]]]
"""What was answered to each key."""


def repeat(
    database: Database, statement: str, arguments: tuple[object, ...], barrier: Barrier
) -> list[dict[str, Any]]:
    """Make one connection's share of the same calls, round after round, all at the same moment."""
    answers = []
    with database.connect("wallet_app") as connection:
        for number in range(ROUNDS):
            barrier.wait()
            answers += [
                call(connection, statement, *arguments, f"k-{number}")
                for _ in range(CALLS // CONNECTIONS)
            ]
        flush_statistics(connection)
    return answers


@pytest.mark.parametrize(
    ("statement", "arguments", "made"),
    [
        (KEYED_CREATE_ACCOUNT, ("eve@example.com",), ROUNDS),
        (KEYED_DEPOSIT, (1, 5), ROUNDS),
        (KEYED_WITHDRAW, (1, 5), ROUNDS),
        (KEYED_TRANSFER, (1, 2, 5), ROUNDS),
        (KEYED_TRANSFER, (1, 2, 500), 0),
        (KEYED_REVERSE, (1,), 1),
    ],
)
def test_of_a_hundred_calls_with_one_key_one_is_done_and_all_are_answered_the_same(
    database: Database,
    app: Connection,
    admin: Connection,
    statement: str,
    arguments: tuple[object, ...],
    made: int,
) -> None:
    """A hundred a round, from twenty connections. Each round has a key of its own."""
    open_accounts(app, "100", "100")
    before = ledger(admin)
    tasks = [partial(repeat, database, statement, arguments)] * CONNECTIONS
    answers = sum(together(tasks), list[dict[str, Any]]())
    assert len(answers) == ROUNDS * CALLS
    assert Counter(answered.pop("replayed") for answered in answers) == {
        False: ROUNDS,
        True: ROUNDS * (CALLS - 1),
    }
    different = Counter(str(sorted(answered.items())) for answered in answers)
    if statement != KEYED_REVERSE and made:
        assert len(different) == ROUNDS
        assert set(different.values()) == {CALLS}
    after = ledger(admin)
    written = after.accounts if statement == KEYED_CREATE_ACCOUNT else after.transactions
    were = before.accounts if statement == KEYED_CREATE_ACCOUNT else before.transactions
    assert len(written) - len(were) == made
    assert len(after.accounts) + len(after.transactions) == made + 4
    assert keys(admin) == [f"k-{number}" for number in range(ROUNDS)]
    assert deadlocks(admin) == 0
    assert_sound(admin)


def test_a_second_call_waits_for_the_first_and_gives_its_answer(
    app: Connection, admin: Connection, holding: Connection, waiting: Connection
) -> None:
    open_accounts(app, "100", "100")
    first = call(holding, KEYED_TRANSFER, 1, 2, 60, "k-1")
    with background(call, waiting, KEYED_TRANSFER, 1, 2, 60, "k-1") as waiter:
        wait_until_blocked(admin, waiting, holding)
        assert not waiter.done()
        holding.commit()
        assert same(first, waiter.result())
    assert balances(admin) == {1: "40.00", 2: "160.00"}
    assert_sound(admin)


def test_a_second_call_waits_for_a_refusal_too(
    app: Connection, admin: Connection, holding: Connection, waiting: Connection
) -> None:
    """Though the money came while it waited: what the first one was told holds."""
    open_accounts(app, "100", "100")
    first = call(holding, KEYED_TRANSFER, 1, 2, 160, "k-1")
    assert first["sqlstate"] == INSUFFICIENT_FUNDS
    # Of a refusal nothing stays locked but the key: what was done is undone to a savepoint.
    app.execute("SET lock_timeout = '1ms'")
    call(app, DEPOSIT, 1, 100)
    with background(call, waiting, KEYED_TRANSFER, 1, 2, 160, "k-1") as waiter:
        wait_until_blocked(admin, waiting, holding)
        holding.commit()
        assert same(first, waiter.result())
    assert balances(admin) == {1: "200.00", 2: "100.00"}


def test_a_second_call_does_it_when_the_first_is_rolled_back(
    app: Connection, admin: Connection, holding: Connection, waiting: Connection
) -> None:
    open_accounts(app, "100", "100")
    call(holding, KEYED_TRANSFER, 1, 2, 60, "k-1")
    with background(call, waiting, KEYED_TRANSFER, 1, 2, 60, "k-1") as waiter:
        wait_until_blocked(admin, waiting, holding)
        holding.rollback()
        answered = waiter.result()
    assert answered["replayed"] is False
    assert balances(admin) == {1: "40.00", 2: "160.00"}
    assert same(answered, call(app, KEYED_TRANSFER, 1, 2, 60, "k-1"))
    assert_sound(admin)


def test_another_request_waits_for_the_first_before_it_is_refused(
    app: Connection, admin: Connection, holding: Connection, waiting: Connection
) -> None:
    """And is done under the key if that one is rolled back."""
    open_accounts(app, "100", "100")
    for end, expected in ((holding.rollback, "done"), (holding.commit, IDEMPOTENCY_KEY_REUSED)):
        key = f"k-{expected}"
        call(holding, KEYED_TRANSFER, 1, 2, 10, key)
        with background(answer, waiting, KEYED_TRANSFER, 1, 2, 20, key) as waiter:
            wait_until_blocked(admin, waiting, holding)
            end()
            answered = waiter.result()
        assert (answered if isinstance(answered, str) else "done") == expected
    assert balances(admin) == {1: "70.00", 2: "130.00"}
    assert_sound(admin)


def test_the_key_is_locked_before_any_account(
    database: Database, app: Connection, admin: Connection, holding: Connection, waiting: Connection
) -> None:
    """A call that waits for its key holds up nobody who wants the accounts."""
    open_accounts(app, "100", "100")
    call(holding, KEYED_CREATE_ACCOUNT, "ada@example.com", "k-1")
    with background(answer, waiting, KEYED_TRANSFER, 1, 2, 5, "k-1") as waiter:
        wait_until_blocked(admin, waiting, holding)
        app.execute("SET lock_timeout = '1ms'")
        call(app, TRANSFER, 2, 1, 1)
        holding.commit()
        assert waiter.result() == IDEMPOTENCY_KEY_REUSED


def test_another_key_does_not_wait(app: Connection, holding: Connection) -> None:
    open_accounts(app, "100", "100", "100", "100")
    call(holding, KEYED_TRANSFER, 1, 2, 5, "k-1")
    app.execute("SET lock_timeout = '1ms'")
    assert call(app, KEYED_TRANSFER, 3, 4, 5, "k-2")["replayed"] is False


@pytest.mark.parametrize("level", ["REPEATABLE READ", "SERIALIZABLE"])
def test_with_a_snapshot_a_second_call_that_waited_fails_and_does_nothing(
    app: Connection, admin: Connection, holding: Connection, waiting: Connection, level: str
) -> None:
    open_accounts(app, "100", "100")
    waiting.execute(f"SET default_transaction_isolation = '{level.lower()}'")
    first = call(holding, KEYED_TRANSFER, 1, 2, 60, "k-1")
    with background(answer, waiting, KEYED_TRANSFER, 1, 2, 60, "k-1") as waiter:
        wait_until_blocked(admin, waiting, holding)
        holding.commit()
        assert waiter.result() == SERIALIZATION_FAILURE
    assert same(first, call(waiting, KEYED_TRANSFER, 1, 2, 60, "k-1"))
    assert balances(admin) == {1: "40.00", 2: "160.00"}
    assert_sound(admin)


def test_with_a_snapshot_many_at_once_do_it_once(
    database: Database, app: Connection, admin: Connection
) -> None:
    """Each tries again for as long as PostgreSQL says that it must begin anew."""
    open_accounts(app, "100")

    def insist(barrier: Barrier) -> list[dict[str, Any]]:
        answers = []
        with database.connect("wallet_app") as connection:
            connection.execute("SET default_transaction_isolation = 'repeatable read'")
            for number in range(ROUNDS):
                barrier.wait()
                answered: dict[str, Any] | str = SERIALIZATION_FAILURE
                while answered == SERIALIZATION_FAILURE:
                    answered = answer(connection, KEYED_DEPOSIT, 1, 5, f"k-{number}")
                assert isinstance(answered, dict), answered
                answers.append(answered)
        return answers

    answers = sum(together([insist] * CONNECTIONS), list[dict[str, Any]]())
    assert Counter(answered["replayed"] for answered in answers) == {
        False: ROUNDS,
        True: ROUNDS * (CONNECTIONS - 1),
    }
    assert balances(admin) == {1: "150.00"}
    assert_sound(admin)


def test_a_backend_killed_before_its_caller_commits_leaves_neither_key_nor_effect(
    app: Connection, admin: Connection, holding: Connection
) -> None:
    open_accounts(app, "100", "100")
    before = ledger(admin)
    call(holding, KEYED_TRANSFER, 1, 2, 60, "k-1")
    kill(admin, holding)
    with pytest.raises(psycopg.OperationalError):
        holding.commit()
    assert ledger(admin) == before
    assert keys(admin) == []
    assert call(app, KEYED_TRANSFER, 1, 2, 60, "k-1")["replayed"] is False
    assert_sound(admin)


@pytest.mark.parametrize("end", ["kill", "cancel"])
def test_a_call_that_is_ended_in_the_middle_leaves_neither_key_nor_effect(
    app: Connection, admin: Connection, holding: Connection, waiting: Connection, end: str
) -> None:
    """It has written its key by then, and waits for the second account."""
    open_accounts(app, "100", "100")
    before = ledger(admin)
    call(holding, DEPOSIT, 2, 1)
    with background(call, waiting, KEYED_TRANSFER, 1, 2, 60, "k-1") as waiter:
        wait_until_blocked(admin, waiting, holding)
        app.execute("SET lock_timeout = '20ms'")
        assert refusal(app, KEYED_TRANSFER, 1, 2, 60, "k-1").sqlstate == "55P03"
        if end == "kill":
            kill(admin, waiting)
            with pytest.raises(AdminShutdown):
                waiter.result()
        else:
            waiting.cancel_safe()
            with pytest.raises(QueryCanceled):
                waiter.result()
    holding.rollback()
    assert ledger(admin) == before
    assert keys(admin) == []
    assert call(app, KEYED_TRANSFER, 1, 2, 60, "k-1")["replayed"] is False
    assert_sound(admin)


def test_who_waits_for_a_killed_backends_key_does_it(
    app: Connection, admin: Connection, holding: Connection, waiting: Connection
) -> None:
    open_accounts(app, "100", "100")
    call(holding, KEYED_TRANSFER, 1, 2, 60, "k-1")
    with background(call, waiting, KEYED_TRANSFER, 1, 2, 60, "k-1") as waiter:
        wait_until_blocked(admin, waiting, holding)
        kill(admin, holding)
        assert waiter.result()["replayed"] is False
    holding.close()
    assert balances(admin) == {1: "40.00", 2: "160.00"}
    assert_sound(admin)


Request = tuple[str, tuple[object, ...]]


def draw(rng: random.Random, ids: list[int]) -> Request:
    """A call of any kind with its arguments, save its key."""
    kind = rng.choice(
        [KEYED_DEPOSIT, KEYED_WITHDRAW, KEYED_TRANSFER, KEYED_TRANSFER, KEYED_REVERSE]
    )
    if kind == KEYED_REVERSE:
        return kind, (rng.randint(1, 500),)
    if kind == KEYED_TRANSFER:
        return kind, (*rng.sample(ids, 2), amount(rng))
    return kind, (rng.choice(ids), amount(rng, 1000))


def mix(
    database: Database, requests: list[Request], ids: list[int], seed: str, barrier: Barrier
) -> tuple[Answers, int]:
    """Half of the calls have keys, which many have; a tenth of those are for another request.

    Returns what each key was answered, and how many calls without a key moved money.
    """
    rng = random.Random(seed)
    answers: Answers = {}
    moved = 0
    with database.connect("wallet_app") as connection:
        barrier.wait()
        for _ in range(CALLS * 3):
            if rng.random() < 0.5:
                statement, arguments = draw(rng, ids)
                answered = answer(connection, PLAIN[statement], *arguments)
                assert isinstance(answered, dict) or answered in CODES, answered
                moved += isinstance(answered, dict)
                continue
            number = rng.randrange(len(requests))
            key = f"k-{number}"
            if rng.random() < 0.1:
                # Nobody asks for it but under a key that has another request from the start.
                answered = answer(connection, KEYED_CREATE_ACCOUNT, "eve@example.com", "k-0")
                assert answered == IDEMPOTENCY_KEY_REUSED
                continue
            statement, arguments = requests[number]
            answers.setdefault(key, []).append(call(connection, statement, *arguments, key))
        flush_statistics(connection)
    return answers, moved


def test_a_load_with_and_without_keys_keeps_the_ledger_sound(
    database: Database, app: Connection, admin: Connection
) -> None:
    ids = open_accounts(app, *["999999.99", "0", "500000", "1000"] * 2)
    seed = fresh_seed()
    rng = random.Random(seed)
    requests = [draw(rng, ids) for _ in range(200)]
    before = len(ledger(admin).transactions)
    answers: Answers = {"k-0": [call(app, requests[0][0], *requests[0][1], "k-0")]}
    tasks = [
        partial(mix, database, requests, ids, f"{seed}-{number}") for number in range(CONNECTIONS)
    ]
    moved = 0
    for answered, others in together(tasks):
        moved += others
        for key, several in answered.items():
            answers.setdefault(key, []).extend(several)
    made = []
    for key, several in answers.items():
        (first,) = [one for one in several if not one["replayed"]]
        assert all(same(first, one) for one in several if one is not first), key
        if first["transaction"]:
            made.append(first["transaction"]["id"])
    print(f"keys: {len(answers)}; with an effect: {len(made)}; without a key: {moved}")
    assert made
    assert len(made) < len(answers), "nothing was refused"
    assert len(set(made)) == len(made)
    assert len(ledger(admin).transactions) - before == len(made) + moved
    assert set(keys(admin)) == set(answers)
    known = rows(
        admin, "SELECT (answer -> 'transaction' ->> 'id')::bigint AS id FROM wallet.idempotency_key"
    )
    assert {row["id"] for row in known} - {None} == set(made)
    assert deadlocks(admin) == 0
    assert_sound(admin)
