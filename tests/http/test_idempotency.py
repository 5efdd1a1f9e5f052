"""The same Idempotency-Key again: the first answer again, and nothing done a second time."""

from __future__ import annotations

import json
from typing import Any, NamedTuple
from uuid import uuid4

from httpx import Client, Response

from tests.http.answers import fields, problem
from tests.http.conftest import Owner, Wallet
from tests.http.processes import balance
from tests.http.wire import JSON_POST, exchange
from tests.support.calls import ledger
from tests.support.service import JSON, Service

WORDS: dict[str, Any] = {"reference": "order 7", "metadata": {"lines": [1.5, None, "é"]}}
IF_BUSY, QUEUED = "respond-async, wait=2", "respond-async"


class Post(NamedTuple):
    path: str
    body: dict[str, Any]
    prefer: str = ""


def move(source: int, target: int, amount: str = "1.50") -> dict[str, Any]:
    return {"source_account_id": source, "target_account_id": target, "amount": amount}


def send(client: Client, post: Post, key: str = "", id: str = "") -> Response:
    headers = {"Idempotency-Key": key, "Prefer": post.prefer, "X-Request-ID": id}
    headers = {name: value for name, value in headers.items() if value}
    return client.post(post.path, json=post.body, headers=headers)


def is_replay(response: Response) -> bool:
    return "Idempotency-Replayed" in response.headers


def keys(database: Owner) -> int:
    """How many keys are kept."""
    (row,) = database.execute("SELECT count(*) FROM wallet.idempotency_key").fetchall()
    return int(row["count"])


def others(post: Post) -> list[Post]:
    """The same request but for one member, or but for the preference."""
    changed = {"amount": "1.51", "email": "c@d", "expires_in": 60, "final": True}
    changed |= {"reference": "order 8", "metadata": {}, "transfers": [move(1, 2)]}
    changed["atomic"] = not post.body.get("atomic")
    names = [name for name in post.body if name in changed]
    prefers = {"", IF_BUSY, QUEUED} - {post.prefer}
    return [
        *(post._replace(body={**post.body, name: changed[name]}) for name in names),
        *(post._replace(prefer=prefer) for prefer in prefers if post.path == "/transaction"),
    ]


def test_a_request_that_comes_again_gets_the_first_answer_and_another_one_none(
    client: Client, wallet: Wallet, owner: Owner
) -> None:
    id, other = wallet("100.00"), wallet()
    paid = client.post(f"/account/{id}/payment", json={"amount": "1.50"}).json()["id"]
    opened = [client.post(f"/account/{id}/hold", json={"amount": "9"}).json() for _ in range(3)]
    to_capture, to_finish, to_release = (f"/hold/{hold['id']}" for hold in opened)
    items = [{**move(id, other), **WORDS}, move(other, id, "1000"), move(id, id)]
    for post, status in (
        (Post("/account", {"email": "ada@example.com", **WORDS}), 201),
        (Post(f"/account/{id}/payment", {"amount": "1.50", **WORDS}), 201),
        (Post(f"/account/{id}/withdrawal", {"amount": "1.50", **WORDS}), 201),
        (Post("/transaction", {**move(id, other), **WORDS}), 201),
        (Post("/transaction", {**move(id, other), **WORDS}, IF_BUSY), 201),
        (Post(f"/transaction/{paid}/reversal", WORDS), 201),
        (Post(f"/account/{id}/hold", {"amount": "1.50", "expires_in": 3600}), 201),
        (Post(f"{to_capture}/capture", {"amount": "1.50", "final": False, **WORDS}), 201),
        # What becomes of a hold changes nothing about what was answered.
        (Post(f"{to_finish}/capture", {"amount": "1.50", **WORDS}), 201),
        (Post(f"{to_release}/release", {}), 200),
        (Post("/transaction/batch", {"transfers": [], "atomic": False}), 200),
        (Post("/transaction/batch", {"transfers": items[:1], "atomic": True}), 200),
        (Post("/transaction/batch", {"transfers": items, "atomic": True}), 200),
        (Post("/transaction/batch", {"transfers": items, "atomic": False}), 200),
        (Post("/transaction", {**move(id, other), **WORDS}, QUEUED), 202),
    ):
        key = str(uuid4())
        first = send(client, post, key, "first")
        assert (first.status_code, is_replay(first)) == (status, False), (post, first.text)
        if post.path == f"{to_finish}/capture":
            assert send(client, Post(f"{to_finish}/release", {})).is_success
        if status == 202:
            client.get(first.headers["Location"], headers={"Prefer": "wait=20"})
        done = ledger(owner)
        again = send(client, post, key, "second")
        expected = first.content.replace(b'"instance":"first"', b'"instance":"second"')
        assert (again.status_code, again.content, is_replay(again)) == (status, expected, True)
        for name in ("Location", "Content-Type", "Preference-Applied"):
            assert again.headers.get(name) == first.headers.get(name)
        for another in others(post):
            problem(send(client, another, key), "idempotency_key_reused")
        assert ledger(owner) == done, post
    # Another key is another request, and without a key none is kept.
    payment, before = Post(f"/account/{id}/payment", {"amount": "1.50"}), keys(owner)
    answers = [send(client, payment), send(client, payment, str(uuid4()))]
    assert [(a.status_code, is_replay(a)) for a in answers] == [(201, False)] * 2
    assert keys(owner) == before + 1


def test_a_refusal_that_is_asked_for_again_is_the_same_problem(
    client: Client, wallet: Wallet, owner: Owner
) -> None:
    poor, full, frozen, rich = wallet(), wallet("999999.99"), wallet(), wallet("50.00")
    owner.execute("SELECT wallet.freeze_account(%s)", (frozen,))
    hold = client.post(f"/account/{rich}/hold", json={"amount": "1"}).json()["id"]
    nobody = 2**63 - 1
    for post, code in (
        (Post("/transaction", move(poor, rich)), "insufficient_funds"),
        (Post(f"/account/{poor}/withdrawal", {"amount": "1"}), "insufficient_funds"),
        (Post("/transaction", move(poor, rich), IF_BUSY), "insufficient_funds"),
        (Post(f"/account/{full}/payment", {"amount": "1"}), "balance_limit_exceeded"),
        (Post("/transaction", move(rich, frozen)), "account_frozen"),
        (Post(f"/account/{nobody}/payment", {"amount": "1"}), "account_not_found"),
        (Post("/transaction", move(rich, nobody), QUEUED), "account_not_found"),
        (Post(f"/transaction/{nobody}/reversal", {}), "transaction_not_found"),
        (Post(f"/account/{rich}/hold", {"amount": "50"}), "insufficient_funds"),
        (Post(f"/hold/{hold}/capture", {"amount": "2"}), "hold_exceeded"),
        (Post(f"/hold/{nobody}/release", {}), "hold_not_found"),
    ):
        key = str(uuid4())
        first, again = (send(client, post, key, id) for id in ("a", "b"))
        assert problem(again, code) == {**problem(first, code), "instance": "b"}
        assert (is_replay(first), is_replay(again)) == (False, True), post


def test_the_same_number_written_otherwise_is_the_same_request(
    client: Client, wallet: Wallet
) -> None:
    source, target = wallet("10.00"), wallet()
    headers = {**JSON, "Idempotency-Key": str(uuid4())}
    answers = [
        client.post(
            "/transaction",
            content=f'{{"amount": {amount}, "target_account_id": {target}{zeros},'
            f' "source_account_id": {source}}}',
            headers=headers,
        )
        for amount in ("5", "5.0", '"5.00"', "50e-1", '"005.000"')
        for zeros in ("", ".0")
    ]
    assert {(a.status_code, a.content) for a in answers} == {(201, answers[0].content)}
    assert [is_replay(a) for a in answers] == [False] + [True] * 9
    assert balance(client, target) == "5.00"


def with_headers(service: Service, headers: bytes) -> Response:
    """Open an account with these headers as they are."""
    body = json.dumps({"email": "ada@example.com"}).encode()
    length = b"Content-Length: %d\r\n" % len(body)
    return exchange(service.port, JSON_POST + headers + length + b"\r\n" + body, "/account", "POST")


def test_any_printable_ascii_is_a_key_and_spaces_around_it_are_no_part_of_it(
    service: Service, owner: Owner
) -> None:
    kept = "SELECT FROM wallet.idempotency_key WHERE key = %s"
    for key in ("k", "k" * 255, "".join(map(chr, range(0x21, 0x7F))), 'a b "c", d; e=f\\'):
        for given in (f"Idempotency-Key: {key}\r\n", f"idempotency-key:{key} \t \r\n"):
            response = with_headers(service, given.encode())
            assert (response.status_code, is_replay(response)) == (201, "key:" in given)
        assert owner.execute(kept, (key,)).fetchone() is not None


def test_what_cannot_be_a_key_is_refused_by_name(service: Service, owner: Owner) -> None:
    before = keys(owner), ledger(owner)
    for value in (
        *(b"", b"   ", b"k" * 256, b"a\tb"),
        *("schl\u00fcssel".encode(), "k\u00a0".encode("latin-1"), "\uff4b".encode()),
        *(b"a\r\nIdempotency-Key: a", b"a\r\nidempotency-key: b", b"a\r\nIdempotency-Key:"),
    ):
        response = with_headers(service, b"Idempotency-Key: " + value + b"\r\n")
        assert fields(response) == ["Idempotency-Key"], value
    assert (keys(owner), ledger(owner)) == before
