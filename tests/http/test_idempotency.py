"""The same Idempotency-Key again: the first answer again, and nothing done a second time."""

from __future__ import annotations

import os
import shutil
import signal
import time
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from functools import partial
from itertools import count
from random import Random
from threading import Barrier, Event
from typing import Any, NamedTuple
from uuid import uuid4

import httpx
import psycopg
import pytest
from psycopg.rows import DictRow

from tests.http.answers import fields, problem
from tests.http.conftest import Wallet
from tests.http.processes import (
    PATIENT,
    OwnServer,
    children,
    held,
    is_gone,
    open_wallet,
    own_database,
    payments,
    running,
    wait_until,
    waiting,
)
from tests.http.wire import exchange
from tests.support.calls import ledger
from tests.support.databases import Database, assert_sound
from tests.support.seeds import fresh_seed
from tests.support.service import Service
from tests.support.threads import together

Owner = psycopg.Connection[DictRow]

ADA = {"email": "ada@example.com"}
OPERATIONS = ["create_account", "deposit", "withdraw", "transfer", "reverse"]


class Post(NamedTuple):
    path: str
    body: dict[str, Any] | None


def a_post(operation: str, client: httpx.Client, wallet: Wallet) -> Post:
    """A request for the operation that nothing speaks against."""
    id = wallet("5.00")
    match operation:
        case "create_account":
            return Post("/account", ADA)
        case "deposit":
            return Post(f"/account/{id}/payment", {"amount": "1.50"})
        case "withdraw":
            return Post(f"/account/{id}/withdrawal", {"amount": "1.50"})
        case "transfer":
            return transfer(id, wallet())
    paid = client.post(f"/account/{id}/payment", json={"amount": "1.50"})
    return Post(f"/transaction/{paid.json()['id']}/reversal", None)


def transfer(source: int, target: int, amount: object = "1.50") -> Post:
    body = {"source_account_id": source, "target_account_id": target, "amount": amount}
    return Post("/transaction", body)


def fresh_key() -> str:
    return str(uuid4())


def send(client: httpx.Client, post: Post, key: str, **headers: str) -> httpx.Response:
    headers = {"Idempotency-Key": key, **headers}
    return client.post(post.path, json=post.body, headers=headers)


def is_replay(response: httpx.Response) -> bool:
    return "Idempotency-Replayed" in response.headers


def keys(database: Owner) -> int:
    """How many keys are kept."""
    (row,) = database.execute("SELECT count(*) FROM wallet.idempotency_key").fetchall()
    return int(row["count"])


@pytest.mark.parametrize("operation", OPERATIONS)
def test_a_request_that_comes_again_gets_the_first_answer_and_does_nothing(
    client: httpx.Client, wallet: Wallet, owner: Owner, operation: str
) -> None:
    post, key = a_post(operation, client, wallet), fresh_key()
    first = send(client, post, key, **{"X-Request-ID": "first"})
    assert first.status_code == 201, first.text
    assert not is_replay(first)
    done = ledger(owner)
    for id in ("second", "third"):
        again = send(client, post, key, **{"X-Request-ID": id})
        assert again.status_code == 201
        assert again.content == first.content
        assert again.headers["Location"] == first.headers["Location"]
        assert again.headers["Content-Type"] == first.headers["Content-Type"]
        assert is_replay(again)
        assert again.headers["X-Request-ID"] == id
    assert ledger(owner) == done
    assert client.get(first.headers["Location"]).json() == first.json()


@pytest.mark.parametrize("operation", OPERATIONS)
def test_each_key_is_a_request_of_its_own(
    client: httpx.Client, wallet: Wallet, operation: str
) -> None:
    post = a_post(operation, client, wallet)
    answers = [send(client, post, fresh_key()) for _ in range(2)]
    assert not any(is_replay(answer) for answer in answers)
    assert [answer.status_code for answer in answers] == [201, 409 if post.body is None else 201]


def test_an_answer_is_replayed_though_the_world_went_on(
    client: httpx.Client, wallet: Wallet, owner: Owner
) -> None:
    source, target = wallet("5.00"), wallet()
    key = fresh_key()
    first = send(client, transfer(source, target, "5.00"), key)
    reversal = send(client, Post(f"/transaction/{first.json()['id']}/reversal", None), fresh_key())
    assert reversal.status_code == 201
    owner.execute("SELECT wallet.freeze_account(%s)", (source,))
    again = send(client, transfer(source, target, "5.00"), key)
    assert (again.status_code, again.content, is_replay(again)) == (201, first.content, True)
    assert client.get(f"/account/{source}").json()["balance"] == "5.00"


def hold_to_refusal(
    client: httpx.Client, post: Post, code: str, possible: Callable[[], object]
) -> None:
    """Refused, then made possible: with the key it stays refused, with another it is done."""
    key = fresh_key()
    first = send(client, post, key, **{"X-Request-ID": "first"})
    body = problem(first, code)
    assert not is_replay(first)
    possible()
    again = send(client, post, key, **{"X-Request-ID": "again"})
    assert problem(again, code) == {**body, "instance": "again"}
    assert is_replay(again)
    other = send(client, post, fresh_key())
    assert (other.status_code, is_replay(other)) == (201, False)
    last = send(client, post, key)
    assert (problem(last, code)["detail"], is_replay(last)) == (body["detail"], True)


def test_insufficient_funds_stay_refused(client: httpx.Client, wallet: Wallet) -> None:
    source, target = wallet(), wallet()
    for post in (
        transfer(source, target),
        Post(f"/account/{source}/withdrawal", {"amount": "1.50"}),
    ):
        hold_to_refusal(
            client,
            post,
            "insufficient_funds",
            lambda: client.post(f"/account/{source}/payment", json={"amount": "1.50"}),
        )


def test_a_balance_limit_exceeded_stays_refused(client: httpx.Client, wallet: Wallet) -> None:
    full = wallet("999999.99")
    hold_to_refusal(
        client,
        Post(f"/account/{full}/payment", {"amount": "1.50"}),
        "balance_limit_exceeded",
        lambda: client.post(f"/account/{full}/withdrawal", json={"amount": "1.50"}),
    )


def test_a_frozen_account_stays_refused(client: httpx.Client, wallet: Wallet, owner: Owner) -> None:
    source, target = wallet("5.00"), wallet()
    owner.execute("SELECT wallet.freeze_account(%s)", (target,))
    hold_to_refusal(
        client,
        transfer(source, target),
        "account_frozen",
        lambda: owner.execute("SELECT wallet.unfreeze_account(%s)", (target,)),
    )


def test_an_account_that_was_not_there_stays_refused(client: httpx.Client, wallet: Wallet) -> None:
    def reach(id: int) -> None:
        while wallet() < id:
            pass

    source = wallet("5.00")
    for path, body in (
        ("/account/{id}/payment", {"amount": "1.50"}),
        ("/transaction", {"source_account_id": source, "amount": "1.50"}),
    ):
        id = wallet() + 1
        body = {**body, "target_account_id": id} if "source_account_id" in body else body
        post = Post(path.format(id=id), body)
        hold_to_refusal(client, post, "account_not_found", partial(reach, id))


def test_a_transaction_that_was_not_there_stays_refused(
    client: httpx.Client, wallet: Wallet
) -> None:
    account = wallet()

    def pay() -> int:
        paid = client.post(f"/account/{account}/payment", json={"amount": "1"})
        return int(paid.json()["id"])

    id = pay() + 1

    def reach() -> None:
        while pay() < id:
            pass

    hold_to_refusal(
        client, Post(f"/transaction/{id}/reversal", None), "transaction_not_found", reach
    )


@pytest.mark.parametrize(
    ("code", "wrong"),
    [
        ("invalid_amount", {"amount": "0"}),
        ("invalid_amount", {"amount": "1000000"}),
        ("invalid_amount", {"amount": "1e2"}),
        ("same_account", {"same": True}),
        ("invalid_request", {"amount": None}),
        ("invalid_request", {"memo": "lunch"}),
    ],
)
def test_what_was_wrong_with_a_request_is_not_kept(
    client: httpx.Client, wallet: Wallet, owner: Owner, code: str, wrong: dict[str, Any]
) -> None:
    source, target = wallet("5.00"), wallet()
    post, key = transfer(source, target), fresh_key()
    assert post.body is not None
    body = {**post.body, **wrong}
    if body.pop("same", False):
        body["target_account_id"] = source
    before = keys(owner)
    for _ in range(2):
        problem(send(client, Post(post.path, body), key), code)
    assert keys(owner) == before
    right = send(client, post, key)
    assert (right.status_code, is_replay(right)) == (201, False)
    assert keys(owner) == before + 1


def test_an_invalid_email_is_not_kept(client: httpx.Client) -> None:
    key = fresh_key()
    problem(send(client, Post("/account", {"email": "nobody"}), key), "invalid_email")
    right = send(client, Post("/account", ADA), key)
    assert (right.status_code, is_replay(right)) == (201, False)


def test_a_key_that_was_used_for_another_request_is_refused(
    client: httpx.Client, wallet: Wallet, owner: Owner
) -> None:
    a, b = wallet("5.00"), wallet("5.00")
    paid = client.post(f"/account/{a}/payment", json={"amount": "1"}).json()["id"]
    posts = [
        Post("/account", ADA),
        Post("/account", {"email": "bob@example.com"}),
        *(Post(f"/account/{id}/payment", {"amount": "1"}) for id in (a, b)),
        *(Post(f"/account/{id}/withdrawal", {"amount": "1"}) for id in (a, b)),
        Post(f"/account/{a}/payment", {"amount": "1.01"}),
        *(transfer(*ids, "1") for ids in ((a, b), (b, a))),
        transfer(a, b, "1.01"),
        Post(f"/transaction/{paid}/reversal", None),
        Post(f"/transaction/{paid + 1}/reversal", None),
    ]
    for used in posts:
        key = fresh_key()
        first = send(client, used, key)
        done = ledger(owner)
        for other in posts:
            again = send(client, other, key)
            if other == used:
                assert (again.status_code, is_replay(again)) == (first.status_code, True)
            else:
                problem(again, "idempotency_key_reused")
                assert not is_replay(again)
        assert ledger(owner) == done


@pytest.mark.parametrize("amounts", [("5", "5.0", '"5.00"', '"5"', "50e-1", '"005.000"')])
def test_the_same_number_written_otherwise_is_the_same_request(
    client: httpx.Client, wallet: Wallet, amounts: tuple[str, ...]
) -> None:
    source, target, key = wallet("10.00"), wallet(), fresh_key()
    answers = [
        client.post(
            "/transaction",
            content=f'{{"amount": {amount}, "target_account_id": {target}{zeros},'
            f' "source_account_id": {source}}}',
            headers={"Content-Type": "application/json", "Idempotency-Key": key},
        )
        for amount in amounts
        for zeros in ("", ".0")
    ]
    assert {(answer.status_code, answer.content) for answer in answers} == {
        (201, answers[0].content)
    }
    assert [is_replay(answer) for answer in answers] == [False] + [True] * (len(answers) - 1)
    assert client.get(f"/account/{target}").json()["balance"] == "5.00"


def with_headers(service: Service, headers: bytes) -> httpx.Response:
    """Open an account with these headers as they are."""
    body = b'{"email": "ada@example.com"}'
    head = b"POST /account HTTP/1.1\r\nHost: wallet\r\nContent-Type: application/json\r\n"
    length = b"Content-Length: %d\r\n" % len(body)
    return exchange(service.port, head + headers + length + b"\r\n" + body, "/account", "POST")


@pytest.mark.parametrize(
    "key",
    ["k", "k" * 255, "".join(map(chr, range(0x21, 0x7F))), 'a b "c", d; e=f\\'],
    ids=["1", "255", "every character", "separators"],
)
def test_any_printable_ascii_is_a_key(client: httpx.Client, owner: Owner, key: str) -> None:
    first, again = (send(client, Post("/account", ADA), key) for _ in range(2))
    assert (first.status_code, is_replay(first)) == (201, False)
    assert (again.content, is_replay(again)) == (first.content, True)
    row = owner.execute("SELECT FROM wallet.idempotency_key WHERE key = %s", (key,)).fetchone()
    assert row is not None


def test_spaces_around_a_key_are_not_part_of_it(
    client: httpx.Client, service: Service, owner: Owner
) -> None:
    key = fresh_key().encode()
    before = keys(owner)
    first = with_headers(service, b"Idempotency-Key:" + key + b" \t \r\n")
    assert first.status_code == 201
    post = Post("/account", ADA)
    for again in (send(client, post, key.decode()), send(client, post, key.decode())):
        assert (again.content, is_replay(again)) == (first.content, True)
    assert keys(owner) == before + 1


@pytest.mark.parametrize(
    "value",
    [
        b"",
        b"   ",
        b"k" * 256,
        b"a\tb",
        b"a\x00b",
        b"a\x01",
        b"a\x7f",
        "schl\u00fcssel".encode(),
        "schl\u00fcssel".encode("latin-1"),
        "k\u00a0".encode(),
        "\uff4b".encode(),
        b"a\r\nIdempotency-Key: a",
        b"a\r\nidempotency-key: b",
        b"a\r\nIdempotency-Key:",
    ],
)
def test_what_cannot_be_a_key_is_refused_by_name(
    service: Service, owner: Owner, value: bytes
) -> None:
    before = keys(owner), ledger(owner)
    response = with_headers(service, b"Idempotency-Key: " + value + b"\r\n")
    assert fields(response) == ["Idempotency-Key"]
    assert (keys(owner), ledger(owner)) == before


@pytest.mark.parametrize("operation", OPERATIONS)
def test_without_a_key_none_is_kept(
    client: httpx.Client, wallet: Wallet, owner: Owner, operation: str
) -> None:
    before = keys(owner)
    post = a_post(operation, client, wallet)
    answer = client.post(post.path, json=post.body)
    assert (answer.status_code, is_replay(answer)) == (201, False)
    assert keys(owner) == before


def test_reading_takes_no_heed_of_a_key(client: httpx.Client, wallet: Wallet, owner: Owner) -> None:
    before, id, key = keys(owner), wallet(), fresh_key()
    for path in (f"/account/{id}", f"/account/{id}/transaction"):
        response = client.get(path, headers={"Idempotency-Key": key})
        assert (response.status_code, is_replay(response)) == (200, False)
    assert keys(owner) == before


def until_answered(client: httpx.Client, post: Post, key: str) -> httpx.Response:
    """Send it until there is an answer that is no 503."""
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline:
        with suppress(httpx.TransportError):
            response = send(client, post, key)
            if response.status_code != 503:
                return response
        time.sleep(0.01)  # The cores are for what is being started again.
    raise AssertionError(f"{key} was never answered")


@pytest.mark.parametrize(("amount", "status"), [("1.00", 201), ("100.01", 409)])
def test_a_hundred_at_once_have_one_effect_and_one_answer(
    database: Database, admin: Owner, amount: str, status: int
) -> None:
    with running(database) as service:
        source, target = open_wallet(service.client), open_wallet(service.client)
        post = transfer(source, target, amount)

        def ask(barrier: Barrier) -> httpx.Response:
            barrier.wait(60)
            return until_answered(service.client, post, "one")

        answers = together([ask] * 100)
        assert {answer.status_code for answer in answers} == {status}
        bodies = [{**answer.json(), "instance": None} for answer in answers]
        assert all(body == bodies[0] for body in bodies)
        assert sum(not is_replay(answer) for answer in answers) == 1
        assert payments(database, target) == 1 + (status == 201)
        assert keys(admin) == 1
        assert_sound(admin)


def test_a_request_that_waits_too_long_for_its_twin_is_busy(
    database: Database, admin: Owner
) -> None:
    with running(database, **{**PATIENT, "WALLET_LOCK_TIMEOUT": "0.1"}) as service:
        id = open_wallet(service.client)
        post = Post(f"/account/{id}/payment", {"amount": "1"})
        with database.connect("wallet_app") as twin, twin.transaction(force_rollback=True):
            twin.execute("SELECT wallet.deposit(%s, 1, 'k')", (id,))
            assert "Nothing was done." in problem(send(service.client, post, "k"), "busy")["detail"]
        assert keys(admin) == 0
        assert payments(database, id) == 1
        first, again = (send(service.client, post, "k") for _ in range(2))
        assert (first.status_code, is_replay(first)) == (201, False)
        assert (again.content, is_replay(again)) == (first.content, True)
        assert payments(database, id) == 2


def test_a_request_that_is_busy_may_come_again_with_its_key(
    database: Database, admin: Owner
) -> None:
    with running(database, **{**PATIENT, "WALLET_LOCK_TIMEOUT": "0.1"}) as service:
        id = open_wallet(service.client)
        post = Post(f"/account/{id}/payment", {"amount": "1"})
        with held(database, id):
            problem(send(service.client, post, "k"), "busy")
        assert keys(admin) == 0
        first = send(service.client, post, "k")
        assert (first.status_code, is_replay(first)) == (201, False)


@pytest.mark.parametrize("committed", [True, False])
def test_a_request_waits_for_its_twin_and_then_knows(
    database: Database, admin: Owner, committed: bool
) -> None:
    with running(database, **PATIENT) as service, ThreadPoolExecutor(1) as thread:
        id = open_wallet(service.client)
        post = Post(f"/account/{id}/payment", {"amount": "1"})
        with (
            database.connect("wallet_app") as twin,
            twin.transaction(force_rollback=not committed),
        ):
            twin.execute("SELECT wallet.deposit(%s, 1, 'k')", (id,))
            call = thread.submit(send, service.client, post, "k")
            # The twin waits for nothing: it is the service's call that does.
            wait_until(lambda: waiting(database) == 1, "the request waits for its twin")
        response = call.result()
        assert (response.status_code, is_replay(response)) == (201, committed)
        assert payments(database, id) == 2
        assert_sound(admin)


class Payers:
    """Threads that move money between wallets, each transfer with a key, sent until answered."""

    def __init__(self, service: Service, seed: int, threads: int = 4) -> None:
        self.service = service
        self.answers: dict[str, tuple[Post, httpx.Response]] = {}
        self._wallets = [open_wallet(service.client) for _ in range(5)]
        self._over = Event()
        self._pool = ThreadPoolExecutor(threads)
        self._futures: list[Future[None]] = [
            self._pool.submit(self._pay, number, Random(f"{seed} {number}"))
            for number in range(threads)
        ]

    def _pay(self, number: int, random: Random) -> None:
        for turn in count():
            if self._over.is_set():
                return
            key = f"{number} {turn}"
            source, target = random.sample(self._wallets, 2)
            post = transfer(source, target, str(random.randint(1, 60)))
            self.answers[key] = post, until_answered(self.service.client, post, key)

    def wait_for_more(self) -> None:
        """Return once there are more answers."""
        before = len(self.answers)
        wait_until(
            lambda: len(self.answers) > before + 40 or any(f.done() for f in self._futures),
            "transfers are answered",
        )

    def end(self) -> None:
        """Let each have its last answer."""
        self._over.set()
        self._pool.shutdown()
        for future in self._futures:
            future.result()

    def check(self, database: Owner) -> None:
        """Exactly one effect for each key, and each answer is what is there."""
        assert_sound(database)
        paid = {
            row["id"]: (row["source_account_id"], row["target_account_id"], row["amount"])
            for row in database.execute(
                "SELECT id, source_account_id, target_account_id, amount::text AS amount"
                " FROM wallet.transaction WHERE source_account_id IS NOT NULL"
            )
        }
        answered = {}
        for post, answer in self.answers.values():
            body = answer.json()
            if answer.status_code == 201:
                asked = post.body or {}
                answered[body["id"]] = (
                    asked["source_account_id"],
                    asked["target_account_id"],
                    f"{asked['amount']}.00",
                )
            else:
                problem(answer, "insufficient_funds")
        made = [a for _, a in self.answers.values() if a.status_code == 201]
        assert len(answered) == len(made), "two keys got one transaction"
        assert answered == paid
        assert keys(database) == len(self.answers)
        for key, (post, answer) in self.answers.items():
            again = send(self.service.client, post, key)
            assert is_replay(again)
            assert again.status_code == answer.status_code
            own = {"instance": None}
            assert {**again.json(), **own} == {**answer.json(), **own}
        (row,) = database.execute("SELECT sum(balance) FROM wallet.account").fetchall()
        assert row["sum"] == 100 * len(self._wallets)


def test_a_service_that_is_killed_never_does_a_request_twice(
    database: Database, admin: Owner
) -> None:
    with running(database) as service:
        payers = Payers(service, fresh_seed())
        try:
            for _ in range(3):
                payers.wait_for_more()
                service.stop(signal.SIGKILL)
                service.start()
            payers.wait_for_more()
        finally:
            payers.end()
        payers.check(admin)


def kill_all(server: OwnServer) -> None:
    """End every process of a server with SIGKILL, as a machine that loses its power does."""
    postmaster = int((server.postgres.data / "postmaster.pid").read_text().split()[0])
    # Stopped, it starts nobody while the others are listed.
    os.kill(postmaster, signal.SIGSTOP)
    processes = {postmaster} | children(postmaster)
    for process in processes:
        os.kill(process, signal.SIGKILL)
    wait_until(lambda: all(map(is_gone, processes)), "the server is gone")
    # Where nobody asks for its exit code, the process would count as alive for its successor.
    (server.postgres.data / "postmaster.pid").unlink()
    shutil.rmtree(server.postgres.sockets)


def crash_a_backend(server: OwnServer, database: Database) -> None:
    """End one connection with SIGKILL: the server ends all others and recovers by itself."""
    backend = database.execute(
        "SELECT pid FROM pg_stat_activity WHERE datname = current_database()"
        " AND usename = 'wallet_app' LIMIT 1"
    )[0]["pid"]
    os.kill(backend, signal.SIGKILL)
    wait_until(lambda: is_gone(backend), "the connection is gone")


def stop_immediately(server: OwnServer, database: Database) -> None:
    server.stop("immediate")
    server.start()


def lose_power(server: OwnServer, database: Database) -> None:
    kill_all(server)
    server.start()


def test_a_database_that_crashes_never_does_a_request_twice() -> None:
    with own_database() as (server, database), running(database) as service:
        with database.connect() as admin:
            assert admin.execute("SHOW fsync").fetchall() == [{"fsync": "on"}]
        payers = Payers(service, fresh_seed())
        try:
            for crash in (stop_immediately, crash_a_backend, lose_power):
                payers.wait_for_more()
                crash(server, database)
            payers.wait_for_more()
        finally:
            payers.end()
        with database.connect() as admin:
            payers.check(admin)
