"""Each call of the contract: what it answers, and how it refuses."""

from __future__ import annotations

from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

import httpx
import psycopg
import pytest
from psycopg.rows import DictRow

from tests.http.answers import TIME, problem
from tests.http.conftest import Wallet
from tests.support.service import JSON

NOBODY = 2**63 - 1


def refusal_in_psql(
    psql: psycopg.Connection[DictRow], statement: str, *arguments: object
) -> tuple[str | None, str | None, str | None]:
    """SQLSTATE, DETAIL and HINT of a statement that is refused."""
    with pytest.raises(psycopg.Error) as refused:
        psql.execute(statement, arguments)
    diag = refused.value.diag
    return diag.sqlstate, diag.message_detail, diag.message_hint


def texts(body: dict[str, Any]) -> tuple[str, str]:
    return body["detail"], body["hint"]


def test_an_account_is_opened_with_nothing_in_it(client: httpx.Client) -> None:
    response = client.post("/account", json={"email": "ada@example.com"})
    assert response.status_code == 201
    assert response.headers["Content-Type"] == "application/json"
    account = response.json()
    assert account.keys() == {"id", "email", "balance", "ctime"}
    assert type(account["id"]) is int
    assert (account["email"], account["balance"]) == ("ada@example.com", "0.00")
    assert TIME.fullmatch(account["ctime"])
    assert response.headers["Location"] == f"/account/{account['id']}"
    read = client.get(response.headers["Location"])
    assert (read.status_code, read.json()) == (200, account)


def test_an_email_comes_back_as_it_was_given(client: httpx.Client) -> None:
    for email in ("Ada+x@Example.com", "a@b", "żółć@例え.jp", "😀@example.com", "\"'\\%s$1@b"):
        account = client.post("/account", json={"email": email}).json()
        assert account["email"] == email
        assert client.get(f"/account/{account['id']}").json()["email"] == email


def test_one_email_may_own_several_accounts(client: httpx.Client) -> None:
    ids = [client.post("/account", json={"email": "a@b"}).json()["id"] for _ in range(2)]
    assert ids[0] != ids[1]


def test_an_account_shows_its_balance(client: httpx.Client, wallet: Wallet) -> None:
    id = wallet("12.30")
    response = client.get(f"/account/{id}")
    assert (response.status_code, response.json()["balance"]) == (200, "12.30")


def test_a_payment_is_a_transaction_without_a_source(client: httpx.Client, wallet: Wallet) -> None:
    id = wallet()
    response = client.post(f"/account/{id}/payment", json={"amount": "12.3"})
    assert response.status_code == 201
    assert response.headers["Content-Type"] == "application/json"
    transaction = response.json()
    assert transaction.keys() == {
        "id",
        "source_account_id",
        "target_account_id",
        "amount",
        "ctime",
        "state",
    }
    assert type(transaction["id"]) is int
    assert transaction["source_account_id"] is None
    assert transaction["target_account_id"] == id
    assert (transaction["amount"], transaction["state"]) == ("12.30", "succeeded")
    assert TIME.fullmatch(transaction["ctime"])
    assert response.headers["Location"] == f"/transaction/{transaction['id']}"
    read = client.get(response.headers["Location"])
    assert (read.status_code, read.json()) == (200, transaction)


def test_a_transfer_moves_money(client: httpx.Client, wallet: Wallet) -> None:
    source, target = wallet("10.00"), wallet("0.50")
    response = client.post(
        "/transaction",
        json={"source_account_id": source, "target_account_id": target, "amount": "2.345"},
    )
    assert response.status_code == 201
    assert response.headers["Content-Type"] == "application/json"
    transaction = response.json()
    assert transaction == {
        "id": transaction["id"],
        "source_account_id": source,
        "target_account_id": target,
        "amount": "2.35",
        "ctime": transaction["ctime"],
        "state": "succeeded",
    }
    assert TIME.fullmatch(transaction["ctime"])
    assert response.headers["Location"] == f"/transaction/{transaction['id']}"
    read = client.get(response.headers["Location"])
    assert (read.status_code, read.json()) == (200, transaction)
    assert client.get(f"/account/{source}").json()["balance"] == "7.65"
    assert client.get(f"/account/{target}").json()["balance"] == "2.85"


def test_times_have_microseconds_even_when_there_are_none(
    client: httpx.Client, wallet: Wallet, owner: psycopg.Connection[DictRow]
) -> None:
    id = wallet("1.00")
    moment = "2026-01-02 03:04:05+00"
    owner.execute("SET wallet.change_history = on")
    owner.execute("UPDATE wallet.account SET ctime = %s WHERE id = %s", (moment, id))
    rows = owner.execute(
        "UPDATE wallet.transaction SET ctime = %s WHERE target_account_id = %s RETURNING id",
        (moment, id),
    ).fetchall()
    assert client.get(f"/account/{id}").json()["ctime"] == "2026-01-02T03:04:05.000000Z"
    transaction = client.get(f"/transaction/{rows[0]['id']}").json()
    assert transaction["ctime"] == "2026-01-02T03:04:05.000000Z"
    # The ledger's own checks must find it as it was.
    owner.execute(
        "UPDATE wallet.transaction t SET ctime = a.mtime FROM wallet.account a"
        " WHERE a.id = t.target_account_id AND t.id = %s",
        (rows[0]["id"],),
    )
    owner.execute("RESET wallet.change_history")


def test_times_are_those_of_the_database_in_utc(
    client: httpx.Client, wallet: Wallet, owner: psycopg.Connection[DictRow]
) -> None:
    id = wallet()
    shown = datetime.fromisoformat(client.get(f"/account/{id}").json()["ctime"])
    assert shown.utcoffset() == timedelta(0)
    row = owner.execute("SELECT ctime FROM wallet.account WHERE id = %s", (id,)).fetchone()
    assert row == {"ctime": shown}


@pytest.mark.parametrize(
    "email",
    [
        "",
        "ada",
        "@",
        "ada@",
        "@example.com",
        "a@b@c",
        "a b@c",
        "a@b ",
        "a\u00a0b@c",
        "a\n@b",
        "a\x7f@b",
        "a@\x9fb",
        "a" * 253 + "@b",
    ],
)
def test_an_invalid_email_is_refused_in_the_words_of_psql(
    client: httpx.Client, psql: psycopg.Connection[DictRow], email: str
) -> None:
    body = problem(client.post("/account", json={"email": email}), "invalid_email")
    refusal = refusal_in_psql(psql, "SELECT wallet.create_account(%s)", email)
    assert ("WL001", *texts(body)) == refusal


def test_an_email_of_254_characters_is_taken(client: httpx.Client) -> None:
    for email in ("a" * 252 + "@b", "ż" * 252 + "@b", "😀" * 252 + "@b"):
        assert client.post("/account", json={"email": email}).json()["email"] == email


def test_an_unknown_account_is_refused_in_the_words_of_psql(
    client: httpx.Client, psql: psycopg.Connection[DictRow], wallet: Wallet
) -> None:
    known = wallet("1.00")
    calls: list[tuple[httpx.Response, str, tuple[object, ...]]] = [
        (client.get(f"/account/{NOBODY}"), "SELECT wallet.get_account(%s)", (NOBODY,)),
        (
            client.post(f"/account/{NOBODY}/payment", json={"amount": "1"}),
            "SELECT wallet.deposit(%s, 1)",
            (NOBODY,),
        ),
    ]
    for source, target in ((NOBODY, known), (known, NOBODY), (NOBODY - 1, NOBODY)):
        response = client.post(
            "/transaction",
            json={"source_account_id": source, "target_account_id": target, "amount": "1"},
        )
        calls.append((response, "SELECT wallet.transfer(%s, %s, 1)", (source, target)))
    for response, statement, arguments in calls:
        body = problem(response, "account_not_found")
        assert ("WL004", *texts(body)) == refusal_in_psql(psql, statement, *arguments)


def test_of_two_unknown_accounts_the_source_is_named(client: httpx.Client) -> None:
    response = client.post(
        "/transaction",
        json={"source_account_id": NOBODY - 1, "target_account_id": NOBODY, "amount": "1"},
    )
    detail = problem(response, "account_not_found")["detail"]
    assert str(NOBODY - 1) in detail
    assert str(NOBODY) not in detail


def test_an_unknown_transaction_is_refused_in_the_words_of_psql(
    client: httpx.Client, psql: psycopg.Connection[DictRow]
) -> None:
    body = problem(client.get(f"/transaction/{NOBODY}"), "transaction_not_found")
    refusal = refusal_in_psql(psql, "SELECT wallet.get_outcome(%s)", NOBODY)
    assert ("WL005", *texts(body)) == refusal


@pytest.mark.parametrize("amount", ["0", "0.004", "-1", "999999.995", "1000000", "-0.005"])
def test_an_invalid_amount_is_refused_in_the_words_of_psql(
    client: httpx.Client, psql: psycopg.Connection[DictRow], wallet: Wallet, amount: str
) -> None:
    source, target = wallet("1.00"), wallet()
    body = problem(
        client.post(f"/account/{target}/payment", json={"amount": amount}), "invalid_amount"
    )
    refusal = refusal_in_psql(psql, "SELECT wallet.deposit(%s, %s)", target, Decimal(amount))
    assert ("WL002", *texts(body)) == refusal
    response = client.post(
        "/transaction",
        json={"source_account_id": source, "target_account_id": target, "amount": amount},
    )
    assert texts(problem(response, "invalid_amount")) == texts(body)


def test_a_transfer_to_the_same_account_is_refused_in_the_words_of_psql(
    client: httpx.Client, psql: psycopg.Connection[DictRow], wallet: Wallet
) -> None:
    id = wallet("1.00")
    response = client.post(
        "/transaction", json={"source_account_id": id, "target_account_id": id, "amount": "1"}
    )
    refusal = refusal_in_psql(psql, "SELECT wallet.transfer(%s, %s, 1)", id, id)
    assert ("WL003", *texts(problem(response, "same_account"))) == refusal


def test_insufficient_funds_are_refused_in_the_words_of_psql(
    client: httpx.Client, psql: psycopg.Connection[DictRow], wallet: Wallet
) -> None:
    source, target = wallet("1.00"), wallet()
    response = client.post(
        "/transaction",
        json={"source_account_id": source, "target_account_id": target, "amount": "1.01"},
    )
    refusal = refusal_in_psql(psql, "SELECT wallet.transfer(%s, %s, 1.01)", source, target)
    assert ("WL006", *texts(problem(response, "insufficient_funds"))) == refusal
    assert client.get(f"/account/{source}").json()["balance"] == "1.00"
    assert client.get(f"/account/{target}").json()["balance"] == "0.00"


def test_a_balance_over_the_limit_is_refused_in_the_words_of_psql(
    client: httpx.Client, psql: psycopg.Connection[DictRow], wallet: Wallet
) -> None:
    source, target = wallet("1.00"), wallet("999999.99")
    response = client.post(f"/account/{target}/payment", json={"amount": "0.01"})
    refusal = refusal_in_psql(psql, "SELECT wallet.deposit(%s, 0.01)", target)
    assert ("WL007", *texts(problem(response, "balance_limit_exceeded"))) == refusal
    response = client.post(
        "/transaction",
        json={"source_account_id": source, "target_account_id": target, "amount": "1"},
    )
    refusal = refusal_in_psql(psql, "SELECT wallet.transfer(%s, %s, 1)", source, target)
    assert ("WL007", *texts(problem(response, "balance_limit_exceeded"))) == refusal
    assert client.get(f"/account/{source}").json()["balance"] == "1.00"
    assert client.get(f"/account/{target}").json()["balance"] == "999999.99"


def test_of_several_refusals_the_first_of_the_contract_is_the_answer(
    client: httpx.Client, wallet: Wallet
) -> None:
    poor, full = wallet(), wallet("999999.99")
    cases = [
        ((NOBODY, NOBODY, "0"), "invalid_amount"),
        ((NOBODY, NOBODY, "1"), "same_account"),
        ((NOBODY, full, "1"), "account_not_found"),
        ((poor, NOBODY, "1"), "account_not_found"),
        ((poor, full, "1"), "insufficient_funds"),
    ]
    for (source, target, amount), code in cases:
        response = client.post(
            "/transaction",
            json={"source_account_id": source, "target_account_id": target, "amount": amount},
        )
        problem(response, code)
    problem(client.post(f"/account/{NOBODY}/payment", json={"amount": "0"}), "invalid_amount")


@pytest.mark.parametrize("state", ["live", "ready"])
def test_health_tells_its_state(client: httpx.Client, state: str) -> None:
    response = client.get(f"/health/{state}")
    assert (response.status_code, response.json()) == (200, {"status": state})
    assert response.headers["Content-Type"] == "application/json"


def test_the_docs_page_needs_nothing_from_elsewhere(client: httpx.Client) -> None:
    response = client.get("/docs")
    assert response.status_code == 200
    assert response.headers["Content-Type"] == "text/html; charset=utf-8"
    assert "<script" not in response.text
    assert "src=" not in response.text
    assert "<link" not in response.text
    assert "@import" not in response.text
    assert "url(" not in response.text


def test_the_docs_page_explains_every_problem(client: httpx.Client) -> None:
    page = client.get("/docs").text
    response = client.get("/nowhere")
    address, anchor = response.json()["type"].split("#")
    assert client.get(address).status_code == 200
    assert f'id="{anchor}"' in page


@pytest.mark.parametrize(
    ("method", "path", "allow"),
    [
        ("PUT", "/account", {"GET", "POST"}),
        ("GET", "/account/1/withdrawal", {"POST"}),
        ("POST", "/account/1/transaction", {"GET"}),
        ("GET", "/transaction/1/reversal", {"POST"}),
        ("DELETE", "/account/1", {"GET"}),
        ("POST", "/account/1", {"GET"}),
        ("PATCH", "/account/1/payment", {"POST"}),
        ("GET", "/account/1/payment", {"POST"}),
        ("GET", "/transaction", {"POST"}),
        ("POST", "/transaction/1", {"GET"}),
        ("POST", "/health/live", {"GET"}),
        ("DELETE", "/health/ready", {"GET"}),
        ("POST", "/openapi.json", {"GET"}),
        ("POST", "/docs", {"GET"}),
        ("OPTIONS", "/account", {"GET", "POST"}),
        ("HEAD", "/account/1", {"GET"}),
        ("TRACE", "/account/1", {"GET"}),
        ("MOVE", "/transaction/1", {"GET"}),
    ],
)
def test_a_method_that_is_not_taken_is_405_and_allow_names_those_that_are(
    client: httpx.Client, method: str, path: str, allow: set[str]
) -> None:
    response = client.request(method, path)
    assert response.status_code == 405
    assert set(response.headers["Allow"].split(", ")) == allow
    if method != "HEAD":
        problem(response, "method_not_allowed")


@pytest.mark.parametrize("method", ["GET", "POST", "OPTIONS", "TRACE", "MOVE"])
@pytest.mark.parametrize(
    "path", ["/", "/nowhere", "/account/1/2", "/Account/1", "/health", "/account/1/payment/1", "//"]
)
def test_an_unknown_route_is_404(client: httpx.Client, method: str, path: str) -> None:
    problem(client.request(method, client.base_url.copy_with(raw_path=path.encode())), "not_found")


def test_a_query_is_ignored_where_none_is_asked_for(client: httpx.Client, wallet: Wallet) -> None:
    id = wallet()
    assert client.get(f"/account/{id}?x=%00&x=%ff&=&").json()["id"] == id


def test_a_body_is_ignored_where_none_is_asked_for(client: httpx.Client, wallet: Wallet) -> None:
    id = wallet()
    response = client.request("GET", f"/account/{id}", content=b"\xff", headers=JSON)
    assert response.json()["id"] == id
