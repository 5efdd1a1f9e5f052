"""Each call of the contract: what it answers when nothing speaks against it."""

from __future__ import annotations

import re
from datetime import datetime
from typing import Any

from httpx import Client, Response

from service.openapi import DOCUMENT
from tests.http.answers import CODES, TIME, problem
from tests.http.conftest import Owner, Wallet
from tests.http.processes import balance, transfer
from tests.support.service import JSON


def made(client: Client, response: Response, kind: str) -> dict[str, Any]:
    """Hold an answer to be something new that can be read at its Location, and return it."""
    assert response.status_code == 201, response.text
    assert response.headers["Content-Type"] == "application/json"
    body: dict[str, Any] = response.json()
    assert type(body["id"]) is int
    assert TIME.fullmatch(body["ctime"])
    assert response.headers["Location"] == f"/{kind}/{body['id']}"
    read = client.get(response.headers["Location"])
    assert (read.status_code, read.json()) == (200, body)
    return body


def transaction(
    body: dict[str, Any], source: int | None, target: int | None, amount: str, **more: object
) -> None:
    """Hold a body to be this transaction, with these members and no others."""
    assert body == {
        "id": body["id"],
        "source_account_id": source,
        "target_account_id": target,
        "amount": amount,
        "ctime": body["ctime"],
        "state": "succeeded",
        "actor": "wallet_app",
        "kind": "deposit" if source is None else "withdrawal" if target is None else "transfer",
        **more,
    }


def test_an_account_is_opened_with_nothing_in_it_and_its_email_as_it_was_given(
    client: Client,
) -> None:
    emails = ("Ada+x@Example.com", "Ada+x@Example.com", "żółć@例え.jp", "\"'\\%s$1😀@b")
    for email in (*emails, "ż" * 252 + "@b"):
        account = made(client, client.post("/account", json={"email": email}), "account")
        assert account == {
            "id": account["id"],
            "email": email,
            "balance": "0.00",
            "ctime": account["ctime"],
            "frozen": False,
            "held": "0.00",
            "available": "0.00",
            "minimum": "0.00",
            "maximum": "999999.99",
        }


def test_a_payment_has_no_source_and_a_withdrawal_no_target(client: Client, wallet: Wallet) -> None:
    id = wallet()
    paid = client.post(f"/account/{id}/payment", json={"amount": "12.3"})
    transaction(made(client, paid, "transaction"), None, id, "12.30")
    taken = client.post(f"/account/{id}/withdrawal", json={"amount": "2.345"})
    transaction(made(client, taken, "transaction"), id, None, "2.35")
    assert balance(client, id) == "9.95"


def test_a_transfer_moves_money_and_a_reversal_moves_it_back(
    client: Client, wallet: Wallet
) -> None:
    source, target = wallet("10.00"), wallet("0.50")
    for body in (b"", b"{}"):
        moved = made(client, transfer(client, source, target, "2.345"), "transaction")
        transaction(moved, source, target, "2.35")
        assert (balance(client, source), balance(client, target)) == ("7.65", "2.85")
        url = f"/transaction/{moved['id']}/reversal"
        back = client.post(url, content=body, headers=JSON)
        kind = {"kind": "reversal", "reverses": moved["id"]}
        made_back = made(client, back, "transaction")
        transaction(made_back, target, source, "2.35", **kind)
        reversed_by = {"reversed_by": made_back["id"]}
        assert client.get(f"/transaction/{moved['id']}").json() == {**moved, **reversed_by}
        assert (balance(client, source), balance(client, target)) == ("10.00", "0.50")


def test_times_are_the_database_s_in_utc_and_have_microseconds_even_if_there_are_none(
    client: Client, wallet: Wallet, owner: Owner
) -> None:
    id = wallet()
    row = owner.execute("SELECT ctime FROM wallet.account WHERE id = %s", (id,)).fetchone()
    shown = client.get(f"/account/{id}").json()["ctime"]
    assert row == {"ctime": datetime.fromisoformat(shown)}
    # The account has no entry, so the ledger's own checks do not look at this time.
    with owner.transaction():
        owner.execute("SET LOCAL wallet.change_history = on")
        moment = "2026-01-02 03:04:05+02"
        owner.execute(
            "UPDATE wallet.account SET ctime = %s, mtime = %s WHERE id = %s", (moment, moment, id)
        )
    assert client.get(f"/account/{id}").json()["ctime"] == "2026-01-02T01:04:05.000000Z"


def test_health_tells_its_state(client: Client) -> None:
    for state in ("live", "ready"):
        response = client.get(f"/health/{state}")
        assert (response.status_code, response.json()) == (200, {"status": state})
        assert response.headers["Content-Type"] == "application/json"


def test_the_guide_explains_every_problem_and_names_the_host_that_serves_it(client: Client) -> None:
    response = client.get("/", follow_redirects=True)
    assert response.url.path == "/guide"
    for code in CODES:
        assert f'id="{code}"' in response.text, code
    commands = re.findall(r"curl (\S+)", response.text)
    assert commands
    for url in commands:
        assert url.startswith(str(client.base_url)), url


def test_the_pages_load_nothing_from_elsewhere(client: Client) -> None:
    for path in ("/guide", "/docs", "/console"):
        response = client.get(path)
        assert response.headers["Content-Type"] == "text/html; charset=utf-8"
        policy = response.headers["Content-Security-Policy"]
        assert "default-src 'none'" in policy
        assert "frame-ancestors 'none'" in policy
        for file in re.findall(r'(?:src|href)="([^"]*\.(?:js|css))"', response.text):
            found = client.get(file)
            assert found.status_code == 200, file
            assert found.headers["Content-Type"].startswith("text/"), file
    for name in ("nothing.js", "console.html", "..%2Fconfig.py"):
        problem(client.get(f"/pages/{name}"), "not_found")


def test_a_method_that_is_not_taken_is_405_and_allow_names_those_that_are(client: Client) -> None:
    for template, operations in DOCUMENT["paths"].items():
        taken = {method.upper() for method in operations}
        always = {"OPTIONS", *(["HEAD"] if "GET" in taken else [])}
        path = template.replace("{id}", "1")
        options = client.options(path)
        assert (options.status_code, options.content) == (204, b""), template
        assert set(options.headers["Allow"].split(", ")) == taken | always, template
        if "GET" in taken:
            asked = [client.request(method, path) for method in ("GET", "HEAD")]
            assert asked[0].status_code == asked[1].status_code, template
        for method in {"GET", "HEAD", "POST", "PUT", "DELETE", "TRACE", "MOVE"} - taken - always:
            response = client.request(method, path)
            assert response.status_code == 405, (method, template)
            assert set(response.headers["Allow"].split(", ")) == taken | always, (method, template)
            if method != "HEAD":
                problem(response, "method_not_allowed")


def test_an_unknown_route_is_404(client: Client) -> None:
    for path in ("/nowhere", "/account/1/2", "/Account/1", "/health", "//x"):
        url = client.base_url.copy_with(raw_path=path.encode())
        for method in ("GET", "POST", "OPTIONS", "MOVE"):
            assert "/docs" in problem(client.request(method, url), "not_found")["hint"]


def test_the_largest_id_is_one_and_a_larger_one_is_none(client: Client) -> None:
    largest = 2**63 - 1
    problem(client.get(f"/account/{largest + 1}"), "account_not_found")
    problem(transfer(client, largest + 1, 1), "invalid_request")
    for asked in (client.get(f"/account/{largest}"), transfer(client, largest, 1)):
        said = problem(asked, "account_not_found")["detail"]
        assert str(largest) in said, "PostgreSQL was not asked"


VERBS = ("payment", "withdrawal", "hold", "freeze", "unfreeze")
SET = ("email", "limits", "annotation")


def test_an_id_in_a_path_that_is_none_names_nothing(client: Client) -> None:
    ids = [
        *("0", "-1", "-0", str(2**63), str(2**64 + 1), "9" * 5000, "1e3", "01", "+1", "1.0", "1,0"),
        *("%201", "1%20", "%D9%A1", "%EF%BC%91", "1%00", "%ff", "%zz", "0x1", "1_0", "null"),
        *("1%0A", "NaN", "'1'", "1;", "1'--", "%2e%2e", "*", "{id}"),
    ]
    for id in ids:
        for method, path, code in (
            *(
                ("GET", f"/account/{id}{rest}", "account_not_found")
                for rest in ("", "/transaction", "/hold")
            ),
            *(("POST", f"/account/{id}/{verb}", "account_not_found") for verb in VERBS),
            *(("PUT", f"/account/{id}/{what}", "account_not_found") for what in SET),
            ("GET", f"/transaction/{id}", "transaction_not_found"),
            ("POST", f"/transaction/{id}/reversal", "transaction_not_found"),
            ("POST", f"/transaction/{id}/cancel", "transaction_not_found"),
            ("GET", f"/hold/{id}", "hold_not_found"),
            ("POST", f"/hold/{id}/capture", "hold_not_found"),
            ("POST", f"/hold/{id}/release", "hold_not_found"),
        ):
            url = client.base_url.copy_with(raw_path=path.encode())
            # What is wrong with the path comes before what is wrong with the body.
            problem(client.request(method, url, content=b"\xff"), code)


def test_a_query_and_a_body_are_ignored_where_none_is_asked_for(
    client: Client, wallet: Wallet
) -> None:
    id = wallet()
    url = f"/account/{id}?x=%00&x=%ff&=&"
    response = client.request("GET", url, content=b"\xff", headers=JSON)
    assert response.json()["id"] == id
