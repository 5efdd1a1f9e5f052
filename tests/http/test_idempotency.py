"""The same Idempotency-Key again: the first answer again, and nothing done a second time."""

from __future__ import annotations

from typing import Any, NamedTuple
from uuid import uuid4

from httpx import Client, Response

from tests.http.answers import fields, problem
from tests.http.conftest import Owner, Wallet
from tests.http.processes import balance
from tests.http.wire import JSON_POST, exchange
from tests.support.calls import ledger
from tests.support.service import Service

ADA = {"email": "ada@example.com"}


class Post(NamedTuple):
    path: str
    body: dict[str, Any] | None
    prefer: str = ""


def move(source: int, target: int, amount: object = "1.50", prefer: str = "") -> Post:
    body = {"source_account_id": source, "target_account_id": target, "amount": amount}
    return Post("/transaction", body, prefer)


def payment(id: int, amount: str = "1.50") -> Post:
    return Post(f"/account/{id}/payment", {"amount": amount})


def withdrawal(id: int, amount: str = "1.50") -> Post:
    return Post(f"/account/{id}/withdrawal", {"amount": amount})


def reversal(id: int) -> Post:
    return Post(f"/transaction/{id}/reversal", {})


def fresh_key() -> str:
    return str(uuid4())


def send(client: Client, post: Post, key: str = "", **headers: str) -> Response:
    if key:
        headers["Idempotency-Key"] = key
    if post.prefer:
        headers["Prefer"] = post.prefer
    return client.post(post.path, json=post.body, headers=headers)


def is_replay(response: Response) -> bool:
    return "Idempotency-Replayed" in response.headers


def keys(database: Owner) -> int:
    """How many keys are kept."""
    (row,) = database.execute("SELECT count(*) FROM wallet.idempotency_key").fetchall()
    return int(row["count"])


def test_a_request_that_comes_again_gets_the_first_answer_and_does_nothing(
    client: Client, wallet: Wallet, owner: Owner
) -> None:
    id, other = wallet("50.00"), wallet()
    paid = [send(client, payment(id)).json()["id"] for _ in range(2)]
    for post in (
        Post("/account", ADA),
        payment(id),
        withdrawal(id),
        move(id, other),
        move(id, other, prefer="respond-async, wait=2"),
        reversal(paid[0]),
    ):
        key = fresh_key()
        first = send(client, post, key, **{"X-Request-ID": "first"})
        assert (first.status_code, is_replay(first)) == (201, False), (post, first.text)
        done = ledger(owner)
        for request_id in ("second", "third"):
            again = send(client, post, key, **{"X-Request-ID": request_id})
            assert (again.status_code, again.content) == (201, first.content), post
            for name in ("Location", "Content-Type", "Preference-Applied"):
                assert again.headers.get(name) == first.headers.get(name)
            assert is_replay(again), post
            assert again.headers["X-Request-ID"] == request_id
        assert ledger(owner) == done
        assert client.get(first.headers["Location"]).json() == first.json()
    # Another key is another request, and without a key none is kept.
    for post in (payment(id), reversal(paid[1])):
        before = keys(owner)
        answers = [send(client, post), send(client, post, fresh_key())]
        second = 409 if "reversal" in post.path else 201
        assert [(a.status_code, is_replay(a)) for a in answers] == [(201, False), (second, False)]
        assert keys(owner) == before + 1


def test_a_refusal_that_is_asked_for_again_is_the_same_problem(
    client: Client, wallet: Wallet, owner: Owner
) -> None:
    poor, full, frozen, rich = wallet(), wallet("999999.99"), wallet(), wallet("50.00")
    owner.execute("SELECT wallet.freeze_account(%s)", (frozen,))
    for post, code in (
        (move(poor, rich), "insufficient_funds"),
        (withdrawal(poor), "insufficient_funds"),
        (move(poor, rich, prefer="respond-async, wait=1"), "insufficient_funds"),
        (payment(full), "balance_limit_exceeded"),
        (move(rich, frozen), "account_frozen"),
        (payment(2**63 - 1), "account_not_found"),
        (move(rich, 2**63 - 1, prefer="respond-async"), "account_not_found"),
        (reversal(2**63 - 1), "transaction_not_found"),
    ):
        key = fresh_key()
        first, again = (send(client, post, key, **{"X-Request-ID": id}) for id in ("a", "b"))
        assert problem(again, code) == {**problem(first, code), "instance": "b"}
        assert (is_replay(first), is_replay(again)) == (False, True), post


def test_the_same_number_written_otherwise_is_the_same_request(
    client: Client, wallet: Wallet
) -> None:
    source, target, key = wallet("10.00"), wallet(), fresh_key()
    answers = [
        client.post(
            "/transaction",
            content=f'{{"amount": {amount}, "target_account_id": {target}{zeros},'
            f' "source_account_id": {source}}}',
            headers={"Content-Type": "application/json", "Idempotency-Key": key},
        )
        for amount in ("5", "5.0", '"5.00"', "50e-1", '"005.000"')
        for zeros in ("", ".0")
    ]
    assert {(a.status_code, a.content) for a in answers} == {(201, answers[0].content)}
    assert [is_replay(a) for a in answers] == [False] + [True] * 9
    assert balance(client, target) == "5.00"


def with_headers(service: Service, headers: bytes) -> Response:
    """Open an account with these headers as they are."""
    body = b'{"email": "ada@example.com"}'
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
