"""GET /account/{id}/transaction, a page at a time, and GET /account?email=."""

from __future__ import annotations

import uuid

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


def test_pages_lead_from_the_last_entry_to_the_first(
    client: Client, wallet: Wallet, owner: Owner
) -> None:
    id = wallet()
    owner.execute("SELECT wallet.deposit(%s, 0.01) FROM generate_series(1, 51)", (id,))
    for limit, sizes in ((None, [50, 1]), (17, [17, 17, 17]), (1000, [51])):
        query = f"?limit={limit}" if limit else ""
        url = f"/account/{id}/transaction{query}"
        entries: list[int] = []
        for page, size in enumerate(sizes, 1):
            response = client.get(url)
            body = response.json()
            assert len(body["items"]) == size
            entries += [line["entry"] for line in body["items"]]
            if page == len(sizes):
                assert (body["next"], "Link" in response.headers) == (None, False)
            else:
                assert body["next"] == entries[-1]
                url = response.links["next"]["url"]
                last = f"limit={limit or 50}&before={body['next']}"
                assert url == f"/account/{id}/transaction?{last}"
        assert entries == list(range(51, 0, -1))
    path = f"/account/{id}/transaction"
    assert client.get(f"{path}?before=1").json() == {"items": [], "next": None}
    assert client.get(f"/account/{wallet()}/transaction").json() == {"items": [], "next": None}


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


def test_pages_lead_from_the_oldest_account_of_an_email_to_the_newest(
    client: Client, owner: Owner
) -> None:
    email = f"{uuid.uuid4().hex}+tag&x@example.com"
    found = owner.execute(
        "SELECT (wallet.create_account(%s)).id FROM generate_series(1, 51)", (email,)
    ).fetchall()
    for limit, sizes in ((None, [50, 1]), (17, [17, 17, 17, 0]), (1000, [51])):
        response = client.get(
            "/account", params={"email": email, **({"limit": limit} if limit else {})}
        )
        ids: list[int] = []
        for page, size in enumerate(sizes, 1):
            body = response.json()
            ids += [item["id"] for item in body["items"]]
            assert len(body["items"]) == size
            if page == len(sizes):
                assert (body["next"], "Link" in response.headers) == (None, False)
            else:
                assert body["next"] == ids[-1]
                response = client.get(response.links["next"]["url"])
        assert ids == [row["id"] for row in found]
