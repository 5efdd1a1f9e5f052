"""GET /account/{id}/transaction: a wallet's entries, a page at a time; GET /account?email=."""

from __future__ import annotations

import uuid

import httpx
import pytest

from tests.http.answers import TIME, problem
from tests.http.conftest import Wallet
from tests.http.test_corrections import transfer


def test_a_statement_has_each_kind_newest_first(client: httpx.Client, wallet: Wallet) -> None:
    id, other = wallet("100.00"), wallet("50.00")
    client.post(f"/account/{id}/withdrawal", json={"amount": "5.00"})
    transfer(client, id, other, "30.00")
    received = transfer(client, other, id, "7.00")["id"]
    client.post(f"/transaction/{received}/reversal")

    response = client.get(f"/account/{id}/transaction")
    assert response.status_code == 200
    body = response.json()
    assert body.keys() == {"items", "next"}
    assert body["next"] is None
    assert "Link" not in response.headers
    assert [
        (
            line["entry"],
            line["kind"],
            line["counterparty_account_id"],
            line["amount"],
            line["balance"],
        )
        for line in body["items"]
    ] == [
        (5, "reversal", other, "-7.00", "65.00"),
        (4, "transfer_in", other, "7.00", "72.00"),
        (3, "transfer_out", other, "-30.00", "65.00"),
        (2, "withdrawal", None, "-5.00", "95.00"),
        (1, "deposit", None, "100.00", "100.00"),
    ]
    assert all(TIME.fullmatch(line["ctime"]) for line in body["items"])
    for line in body["items"]:
        read = client.get(f"/transaction/{line['transaction_id']}").json()
        assert read["ctime"] == line["ctime"]


def test_pages_lead_from_the_last_entry_to_the_first(client: httpx.Client, wallet: Wallet) -> None:
    id = wallet()
    for cents in range(1, 12):
        client.post(f"/account/{id}/payment", json={"amount": f"0.{cents:02}"})
    url: str | None = f"/account/{id}/transaction?limit=4"
    pages = []
    while url:
        response = client.get(url)
        body = response.json()
        pages.append([line["entry"] for line in body["items"]])
        link = response.links.get("next")
        assert (link is None) == (body["next"] is None)
        url = link["url"] if link else None
        if url:
            assert url == f"/account/{id}/transaction?limit=4&before={body['next']}"
    assert pages == [[11, 10, 9, 8], [7, 6, 5, 4], [3, 2, 1]]


def test_a_page_that_ends_at_the_first_entry_is_the_last(
    client: httpx.Client, wallet: Wallet
) -> None:
    id = wallet("1.00")
    body = client.get(f"/account/{id}/transaction?limit=1").json()
    assert (len(body["items"]), body["next"]) == (1, None)
    assert client.get(f"/account/{id}/transaction?before=1").json() == {"items": [], "next": None}
    assert client.get(f"/account/{wallet()}/transaction").json() == {"items": [], "next": None}


@pytest.mark.parametrize(
    ("query", "fields"),
    [
        ("limit=0", ["limit"]),
        ("limit=1001", ["limit"]),
        ("limit=", ["limit"]),
        ("limit=1e1", ["limit"]),
        ("limit=-1&before=0", ["limit", "before"]),
        ("before=9223372036854775808", ["before"]),
        ("before=%D9%A1", ["before"]),
        ("limit=1&limit=2", ["limit"]),
        ("page=2", ["page"]),
        ("limit=%00", ["limit"]),
        ("%FF=1", ["\\udcff"]),
    ],
)
def test_a_query_that_is_wrong_is_refused_by_name(
    client: httpx.Client, wallet: Wallet, query: str, fields: list[str]
) -> None:
    refused = problem(client.get(f"/account/{wallet()}/transaction?{query}"), "invalid_request")
    assert [error["field"] for error in refused["errors"]] == fields


def test_a_statement_of_nobodys_account_is_not_found(client: httpx.Client) -> None:
    for id in ("9223372036854775807", "0", "x"):
        problem(client.get(f"/account/{id}/transaction"), "account_not_found")


def test_an_email_finds_its_accounts_whatever_the_case(client: httpx.Client) -> None:
    name = uuid.uuid4().hex
    made = [
        client.post("/account", json={"email": email}).json()
        for email in (f"{name}@Example.com", f"{name.upper()}@example.COM")
    ]
    response = client.get("/account", params={"email": f"{name}@EXAMPLE.com"})
    assert (response.status_code, response.json()) == (200, {"items": made})


def test_an_email_that_owns_nothing_finds_nothing(client: httpx.Client) -> None:
    for email in ("nobody@example.com", "", "no address", "%", "a" * 300):
        response = client.get("/account", params={"email": email})
        assert (response.status_code, response.json()) == (200, {"items": []})


def test_an_email_must_be_given_once_and_alone(client: httpx.Client) -> None:
    for query in ("", "?email=a@b&email=c@d", "?email=a@b&limit=1", "?mail=a@b"):
        problem(client.get(f"/account{query}"), "invalid_request")


def test_an_email_that_no_database_can_hold_is_refused(client: httpx.Client) -> None:
    for text in ("a%00@b", "a%ED%A0%80@b", "a%FF@b"):
        problem(client.get(f"/account?email={text}"), "invalid_email")
