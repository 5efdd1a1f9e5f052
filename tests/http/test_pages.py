"""Lists, a page at a time, and what may be asked of them."""

from __future__ import annotations

import uuid

import httpx
from httpx import Client

from tests.http.answers import TIME, fields, problem
from tests.http.conftest import Owner, Wallet
from tests.http.processes import transfer


def test_a_statement_has_each_kind_newest_first(client: Client, wallet: Wallet) -> None:
    id, other = wallet("100.00"), wallet("50.00")
    client.post(f"/account/{id}/withdrawal", json={"amount": "5.00"})
    transfer(client, id, other, "30.00")
    received = transfer(client, other, id, "7.00").json()["id"]
    client.post(f"/transaction/{received}/reversal", json={})

    response = client.get(f"/account/{id}/transaction")
    assert response.status_code == 200
    body = response.json()
    assert (body.keys(), body["next"]) == ({"items", "next"}, None)
    assert "Link" not in response.headers
    for line in body["items"]:
        assert TIME.fullmatch(line["ctime"])
        read = client.get(f"/transaction/{line.pop('transaction_id')}").json()
        assert read["ctime"] == line.pop("ctime")
    assert [tuple(line.values()) for line in body["items"]] == [
        (5, "reversal", other, "-7.00", "65.00"),
        (4, "transfer_in", other, "7.00", "72.00"),
        (3, "transfer_out", other, "-30.00", "65.00"),
        (2, "withdrawal", None, "-5.00", "95.00"),
        (1, "deposit", None, "100.00", "100.00"),
    ]


def test_pages_lead_from_one_end_of_a_list_to_the_other(
    client: Client, wallet: Wallet, owner: Owner
) -> None:
    id, email, reference = wallet(), f"{uuid.uuid4().hex}+tag&x@example.com", str(uuid.uuid4())

    def made(call: str, *arguments: object, what: str = "r") -> list[int]:
        query = f"SELECT ({what}).id FROM (SELECT {call} AS r FROM generate_series(1, 51)) s"
        return [row["id"] for row in owner.execute(query.encode(), arguments)]

    opened = made("wallet.create_account(%s)", email)
    paid = made("wallet.deposit(%s, 0.01)", id)
    full = "wallet.deposit(%s, 0.01, NULL, NULL, %s)"
    paid += made(full, id, reference, what="(r).transaction")
    held = made("wallet.hold(%s, 0.01)", id)
    for path, given, member, markers, cursor in (
        (f"/account/{id}/transaction", {}, "entry", [*range(102, 0, -1)], "before"),
        (f"/account/{id}/hold", {}, "id", held[::-1], "before"),
        ("/transaction", {"account_id": id}, "id", paid[::-1], "before"),
        ("/transaction", {"reference": reference}, "id", paid[:50:-1], "before"),
        ("/account", {"email": email}, "id", opened, "after"),
    ):
        for limit in (None, 17, 1000):
            query = {**given, **({"limit": limit} if limit else {})}
            response = client.get(path, params=query)
            found: list[int] = []
            while "next" in response.links:
                body = response.json()
                found += [item[member] for item in body["items"]]
                assert found == markers[: len(found)], "a cursor that stands still has no end"
                assert (len(body["items"]), body["next"]) == (limit or 50, found[-1])
                url = httpx.URL(response.links["next"]["url"])
                assert url.params[cursor] == str(found[-1])
                response = client.get(url)
            assert response.json()["next"] is None
            found += [item[member] for item in response.json()["items"]]
            assert found == markers, (path, given, limit)
    first = {"account_id": id, "from": client.get(f"/transaction/{paid[3]}").json()["ctime"]}
    page = client.get("/transaction", params={**first, "limit": 1, "before": paid[5]})
    assert [one["id"] for one in page.json()["items"]] == [paid[4]]
    following = client.get(page.links["next"]["url"]).json()["items"]
    assert [one["id"] for one in following] == [paid[3]]
    nothing = client.get(f"/account/{wallet()}/transaction").json()
    assert (
        nothing == client.get(f"/account/{id}/hold?before=1").json() == {"items": [], "next": None}
    )


def test_a_query_that_is_wrong_is_refused_by_name(client: Client, wallet: Wallet) -> None:
    path = f"/account/{wallet()}/transaction"
    for query, named in (
        *((f"limit={value}", ["limit"]) for value in ("0", "1001", "", "1e1", "01", "%00")),
        *((f"before={value}", ["before"]) for value in ("0", str(2**63), "%D9%A1")),
        ("limit=-1&before=0", ["limit", "before"]),
        ("%FF=1", ["\\udcff"]),
    ):
        assert fields(client.get(f"{path}?{query}")) == named, query
    for url, error in (
        (f"{path}?page=2", ("page", "unknown parameter; allowed: limit, before")),
        (f"{path}?limit=1&limit=1", ("limit", "duplicate parameter")),
        ("/account", ("email", "missing one of two: email or reference")),
        ("/account?email=a@b&email=c@d", ("email", "duplicate parameter")),
        (
            "/account?email=a@b&before=1",
            ("before", "unknown parameter; allowed: email, reference, limit, after"),
        ),
        ("/account?email=a@b&limit=1001", ("limit", "must be a whole number from 1 to 1000")),
    ):
        (found,) = problem(client.get(url), "invalid_request")["errors"]
        assert (found["field"], found["detail"]) == error
    assert client.get(f"{path}?before={2**63 - 1}&limit=1").status_code == 200


def test_an_email_finds_its_accounts_whatever_the_case(client: Client) -> None:
    name = uuid.uuid4().hex
    made = [
        client.post("/account", json={"email": email}).json()
        for email in (f"{name}@Example.com", f"{name.upper()}@example.COM")
    ]
    response = client.get("/account", params={"email": f"{name}@EXAMPLE.com"})
    assert (response.status_code, response.json()) == (200, {"items": made, "next": None})
    for email in (f"{name}@nowhere", "", "no address", "%", "a" * 300):
        response = client.get("/account", params={"email": email})
        assert (response.status_code, response.json()) == (200, {"items": [], "next": None})
    for text in ("a%00@b", "a%ED%A0%80@b", "a%FF@b"):
        problem(client.get(f"/account?email={text}"), "invalid_email")
