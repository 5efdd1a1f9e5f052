"""What waits goes together, and what one request meets is no other's trouble."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from typing import Any

import pytest
from httpx import Client

from tests.http.answers import check_form, problem
from tests.http.line import Post, ask, counted, held_line, line, move, pay, withdraw
from tests.http.processes import (
    PATIENT,
    balance,
    held,
    key_held,
    open_wallet,
    own_service,
    payments,
    running,
    wait_until,
    waiting,
)
from tests.http.proxy import Proxy
from tests.support.databases import Database, assert_sound
from tests.support.service import Service

NOBODY = 2**63 - 1
# Two lanes, or three: a call may wait long in all but the last one.
NARROW = {**PATIENT, "WALLET_POOL_SIZE": "10", "WALLET_POOL_TIMEOUT": "50"}
# A group that waited for an account would make others wait for more than the two seconds.
HASTY = NARROW | {"WALLET_LOCK_TIMEOUT": "2", "WALLET_POOL_TIMEOUT": "2"}


@pytest.fixture(scope="module")
def patient(template: Database) -> Iterator[Service]:
    with own_service(template, **NARROW | {"WALLET_POOL_SIZE": "15"}) as service:
        yield service
        assert "Traceback" not in service.log.read_text()


@pytest.fixture(scope="module")
def small(template: Database) -> Iterator[Service]:
    """A service of small groups and a short line."""
    bounds = {"WALLET_GROUP_MAX": "4", "WALLET_MAX_WAITING": "10", "WALLET_LOCK_TIMEOUT": "7"}
    with own_service(template, **NARROW | bounds) as service:
        yield service


def hold_to_all_else_going_on(client: Client, id: int, rounds: int = 100) -> None:
    """Use an account that nobody holds, and read it."""
    for number in range(rounds):
        assert ask(client, withdraw(id) if number % 2 else pay(id)).status_code == 201
        assert client.get(f"/account/{id}").status_code == 200
        assert client.get("/health/ready").status_code == 200


def test_requests_that_wait_are_one_statement_with_an_answer_for_each(patient: Service) -> None:
    client = patient.client
    rich, poor, frozen = (open_wallet(client, amount) for amount in ("100.00", "0.00", "0.00"))
    full = open_wallet(client, "999999.99")
    patient.database.execute("SELECT wallet.freeze_account(%s)", frozen)
    with held_line(patient) as held_up, counted(patient.database) as calls:
        sent = held_up.send(
            move(rich, poor, "60"),
            move(rich, poor, "60", "poor by then"),
            move(poor, rich, "10", "twice"),
            move(poor, rich, "10", "twice"),
            move(poor, rich, "11", "twice"),
            withdraw(poor, "50", "all"),
            withdraw(poor, "0.01"),
            move(rich, poor, "60", "poor by then"),
            pay(full),
            pay(frozen),
            pay(NOBODY, "1", "nobody"),
            move(rich, rich, "1", "to itself"),
        )
        held_up.release()
        assert held_up.first.answer().status_code == 201
        answers = [request.answer() for request in sent]
    assert calls == {"deposit": 1, "run_group": 1}
    told = [answer.json().get("code", answer.status_code) for answer in answers]
    short = "insufficient_funds"
    assert told == [
        *(201, short, 201, 201, "idempotency_key_reused", 201, short, short),
        *("balance_limit_exceeded", "account_frozen", "account_not_found", "same_account"),
    ]
    replayed = ["Idempotency-Replayed" in answer.headers for answer in answers]
    assert [number for number, was in enumerate(replayed) if was] == [3, 7]
    assert answers[2].json() == answers[3].json()
    assert (balance(client, rich), balance(client, poor)) == ("50.00", "0.00")
    # Alone, each key has the answer that it had in the group.
    for request, answer in zip(sent, answers, strict=True):
        if request.request.key and answer.status_code in (201, 404, 409):
            again = ask(client, request.request)
            assert again.headers["Idempotency-Replayed"] == "true"
            assert again.status_code == answer.status_code
            assert again.json().get("id") == answer.json().get("id")


def test_a_group_has_at_most_so_many_requests_and_a_lone_one_needs_none(small: Service) -> None:
    id = open_wallet(small.client)
    words: dict[str, Any] = {"reference": "order 7", "metadata": {"a": 1}}
    said = pay(id)._replace(body={"amount": "1", **words})
    with held_line(small) as held_up, counted(small.database) as calls:
        sent = held_up.send(said, *[pay(id)] * 8)
        held_up.release()
        answers = [request.answer() for request in sent]
        assert {answer.status_code for answer in answers} == {201}
    # Of four, four and one the last goes alone.
    assert calls == {"deposit": 2, "run_group": 2}
    assert balance(small.client, id) == "109.00"
    kept = small.client.get(answers[0].headers["Location"]).json()
    assert {name: kept.get(name) for name in words} == words


def test_a_locked_account_or_key_holds_up_nobody_else_however_many_ask_for_it(
    patient: Service,
) -> None:
    client, database = patient.client, patient.database
    stuck, other = open_wallet(client), open_wallet(client)
    with line(patient) as requests:
        with held(database, stuck), key_held(database, "stuck"):
            sent = requests.send(*[pay(stuck)] * 15, *[move(other, stuck)] * 15)
            sent += requests.send(pay(other, "1", "stuck"))
            wait_until(lambda: waiting(database) == 2, "one call waits for each of the two")
            hold_to_all_else_going_on(client, other)
            with counted(database) as calls:
                sent += requests.send(pay(other, "1", "stuck"), pay(stuck), move(other, stuck))
                assert ask(client, withdraw(other)).status_code == 201
            assert calls == {"withdraw": 1}, "nobody asks for what is known to be locked"
            assert waiting(database) == 2
        assert {request.answer().status_code for request in sent} == {201}
    assert (balance(client, stuck), balance(client, other)) == ("132.00", "84.00")
    # The account is an account like any other again.
    with counted(database) as calls:
        assert ask(client, pay(stuck)).status_code == 201
    assert calls == {"deposit": 1}


def test_what_waits_for_a_locked_account_holds_up_no_other_call_of_its_kind(
    patient: Service,
) -> None:
    client, database = patient.client, patient.database
    stuck, other, third = (open_wallet(client) for _ in range(3))
    paid = [ask(client, pay(id)).json()["id"] for id in (stuck, other)]
    take_back = [Post(f"/transaction/{id}/reversal", {}, "") for id in paid]
    with line(patient) as requests:
        with held(database, stuck):
            sent = requests.send(*[take_back[0]] * 30)
            patiently = requests.send(*[move(stuck, other)] * 10, prefer="respond-async, wait=40")
            wait_until(lambda: waiting(database) >= 2, "all who may wait for the account do")
            at_once = {"Prefer": "respond-async, wait=40"}
            assert ask(client, move(other, third), at_once).status_code == 201
            assert ask(client, take_back[1]).status_code == 201
            reserve = Post(f"/account/{other}/hold", {"amount": "1.00"}, "")
            assert ask(client, reserve).status_code == 201
            assert client.post("/account", json={"email": "a@b"}).status_code == 201
        assert {request.answer().status_code for request in patiently} <= {201, 202}
        codes = sorted(request.answer().status_code for request in sent)
        assert codes == [201, *[409] * 29]


def test_more_locked_accounts_and_keys_than_lanes_are_all_answered_once_free(
    patient: Service,
) -> None:
    client, database = patient.client, patient.database
    first, second, third, other = (open_wallet(client) for _ in range(4))
    with line(patient) as requests:
        with held(database, first), key_held(database, "twin"):
            with held(database, second), held(database, third):
                sent = requests.send(
                    *(pay(first), pay(second), pay(third), pay(other, "1", "twin")),
                    *(move(first, second), move(second, third), move(third, first)),
                )
                wait_until(lambda: waiting(database) >= 1, "a call waits in the first lane")
                hold_to_all_else_going_on(client, other)
            free = [sent[1], sent[2], sent[5]]
            assert [request.answer().status_code for request in free] == [201] * 3
            hold_to_all_else_going_on(client, second, 2)
        rest = [request for request in sent if request not in free]
        assert [request.answer().status_code for request in rest] == [201] * 4
    assert [balance(client, id) for id in (first, second, third)] == ["101.00"] * 3
    assert balance(client, other) == "101.00"


def test_an_account_that_was_taken_for_a_moment_does_not_wait_with_a_locked_one(
    patient: Service,
) -> None:
    client, database = patient.client, patient.database
    other, stuck, *more = (open_wallet(client) for _ in range(4))
    turns: set[object] = set()

    def count_turns(seconds: float = 0) -> int:
        """How many calls have waited for a lock, and for so long."""
        rows = database.execute(
            "SELECT query_start FROM pg_stat_activity WHERE wait_event_type = 'Lock'"
            " AND datname = current_database() AND usename = 'wallet_app'"
            " AND clock_timestamp() - query_start >= make_interval(secs => %s)",
            seconds,
        )
        turns.update(row["query_start"] for row in rows)
        return len(turns)

    with line(patient) as requests:
        with held(database, stuck):
            with held(database, other):
                # More lines than lanes: in the last lane a call waits for a short turn.
                with held(database, more[0]), held(database, more[1]):
                    sent = requests.send(*map(pay, more), pay(stuck), move(other, stuck))
                    seen = count_turns()
                    wait_until(lambda: count_turns() > seen + 3, "both accounts were found locked")
                assert {request.answer().status_code for request in sent[:2]} == {201}
                turns.clear()
                wait_until(lambda: count_turns(0.6) > 0, "turns are long again")
            hold_to_all_else_going_on(client, other, 10)
        assert {request.answer().status_code for request in sent[2:]} == {201}


def test_who_waits_too_long_for_a_locked_account_is_told_that_nothing_was_done(
    template: Database,
) -> None:
    with own_service(template, **HASTY) as service, line(service) as requests:
        client, database = service.client, service.database
        *stuck, other = (open_wallet(client) for _ in range(4))
        with ExitStack() as holders:
            for id in stuck:
                holders.enter_context(held(database, id))
            sent = requests.send(
                *(pay(id, "1", f"{id} {number}") for id in stuck for number in range(3)),
                move(stuck[0], stuck[2]),
            )
            hold_to_all_else_going_on(client, other, 10)
            for request in sent:
                assert "Nothing was done." in problem(request.answer(), "busy")["detail"]
        for id in stuck:
            assert balance(client, id) == "100.00"
            again = ask(client, pay(id, "1", f"{id} 0"))
            assert (again.status_code, "Idempotency-Replayed" in again.headers) == (201, False)


def test_who_waits_too_long_behind_a_call_is_told_that_nothing_was_done(template: Database) -> None:
    with own_service(template, **HASTY) as service, held_line(service) as gate:
        gate.release()
        assert gate.first.answer().status_code == 201
        gate.hold()
        with held(service.database, gate.paid):
            (slow,) = gate.send(pay(gate.paid, "0.77"))
            wait_until(lambda: waiting(service.database) == 1, "a call waits for the account")
        # Now it has the account, and does not end.
        (late,) = gate.send(pay(gate.paid))
        assert "Nothing was done." in problem(late.answer(), "busy")["detail"]
        gate.release()
        assert slow.answer().status_code == 201


def test_a_failure_in_a_group_is_the_answer_of_the_one_request_that_it_concerns(
    small: Service,
) -> None:
    good, cursed = open_wallet(small.client), open_wallet(small.client)
    small.database.execute(
        "CREATE FUNCTION public.curse() RETURNS trigger LANGUAGE plpgsql AS"
        " $$ BEGIN RAISE 'cursed'; END $$"
    )
    small.database.execute(
        "CREATE TRIGGER curse BEFORE INSERT ON wallet.transaction FOR EACH ROW"
        f" WHEN (NEW.target_account_id = {cursed}) EXECUTE FUNCTION public.curse()"
    )
    with held_line(small) as held_up:
        sent = held_up.send(
            *(pay(good, "1", "good"), pay(cursed, "1", "cursed")),
            *(move(cursed, good), withdraw(cursed)),
        )
        held_up.release()
        answers = [request.answer(check_form) for request in sent]
    assert [answer.status_code for answer in answers] == [201, 500, 201, 201]
    assert "may have" not in answers[1].text
    assert [balance(small.client, id) for id in (good, cursed)] == ["102.00", "98.00"]


def test_a_group_whose_outcome_is_unknown_is_not_made_again_and_its_keys_resolve_it(
    database: Database,
) -> None:
    with (
        Proxy(database) as proxy,
        running(database, **NARROW, WALLET_DATABASE_URL=proxy.url) as service,
    ):
        client = service.client
        source, target = open_wallet(client), open_wallet(client)
        with held_line(service) as held_up:
            sent = held_up.send(
                *(move(source, target, "1", "a"), pay(target), withdraw(source, "3", "b")),
                *(move(target, source, "1000", "refused"), pay(target)),
            )
            proxy.fall_silent(rows=len(sent), hang_up=True)
            held_up.release()
            assert held_up.first.answer().status_code == 201
            for request in sent:
                body = problem(request.answer(), "database_unavailable")
                assert "may have taken effect" in body["detail"]
                assert "Nothing was done." not in body["detail"]
        assert payments(database, target) == 4
        for request, status in ((sent[0], 201), (sent[2], 201), (sent[3], 409)):
            again = ask(client, request.request)
            assert (again.status_code, again.headers["Idempotency-Replayed"]) == (status, "true")
        assert payments(database, target) == 4
        assert (balance(client, source), balance(client, target)) == ("96.00", "103.00")
        with database.connect() as admin:
            assert_sound(admin)


def test_the_line_is_bounded_and_says_when_to_try_again(small: Service) -> None:
    client, database = small.client, small.database
    id, other = open_wallet(client), open_wallet(client)
    with held_line(small) as held_up:
        sent = held_up.send(*[pay(id)] * 9)
        refused = ask(client, pay(id))
        assert "Nothing was done." in problem(refused, "busy")["detail"]
        assert 1 <= int(refused.headers["Retry-After"]) <= 50
        assert balance(client, open_wallet(client, "0.00")) == "0.00"
        held_up.release()
        assert {request.answer().status_code for request in sent} == {201}
    with held(database, id), line(small) as requests:
        requests.send(*[pay(id)] * 10)
        wait_until(lambda: waiting(database) == 1, "one call waits for the account")
        refused = ask(client, pay(other))
        assert "Nothing was done." in problem(refused, "busy")["detail"]
        assert refused.headers["Retry-After"] == "7"
    assert balance(client, other) == "100.00"
    wait_until(lambda: ask(client, pay(other)).is_success, "there is room in the line")
