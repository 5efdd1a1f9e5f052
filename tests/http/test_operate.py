"""What operators do: freeze and unfreeze, cancel, change an email, run the audit."""

from __future__ import annotations

from httpx import Client

from tests.http.answers import problem
from tests.http.conftest import Owner, Wallet
from tests.http.processes import queue_stopped, transfer
from tests.support.service import Service


def test_a_frozen_account_says_so_and_takes_no_part_until_it_is_unfrozen(
    client: Client, wallet: Wallet
) -> None:
    id = wallet("1.00")
    for verb, frozen in (("freeze", True), ("freeze", True), ("unfreeze", False)):
        done = client.post(f"/account/{id}/{verb}", json={})
        account = client.get(f"/account/{id}").json()
        assert (done.status_code, done.json(), account["frozen"]) == (200, account, frozen)
        paid = client.post(f"/account/{id}/withdrawal", json={"amount": "0.01"})
        assert paid.status_code == (409 if frozen else 201)


def test_an_email_is_changed(client: Client, wallet: Wallet) -> None:
    id = wallet()
    for email in ("new@example.com", "new@example.com"):
        changed = client.put(f"/account/{id}/email", json={"email": email})
        assert (changed.status_code, changed.json()["email"]) == (200, email)
    assert client.get(f"/account/{id}").json() == changed.json()


def test_a_pending_transaction_is_cancelled_once(
    client: Client, wallet: Wallet, service: Service
) -> None:
    source, target = wallet("1.00"), wallet()
    with queue_stopped(service.database):
        queued = transfer(client, source, target, "1", Prefer="respond-async").json()
        id = queued["id"]
        done = client.post(f"/transaction/{id}/cancel", json={})
        assert (done.status_code, done.json()["failure"]["code"]) == (200, "cancelled")
        problem(client.post(f"/transaction/{id}/cancel", json={}), "not_pending")
    read = client.get(f"/transaction/{id}").json()
    assert read == {**done.json(), "queued_at": queued["ctime"]}


def test_the_audit_shows_some_of_what_it_finds_and_counts_all_of_it(
    client: Client, owner: Owner
) -> None:
    sound = client.get("/audit")
    assert (sound.status_code, sound.json()) == (200, {"violations": [], "total": 0})
    accounts = "SELECT (wallet.create_account('a@b')).id FROM generate_series(1, 150)"
    ids = [row["id"] for row in owner.execute(accounts).fetchall()]
    owner.execute("UPDATE wallet.account SET balance = 1 WHERE id = ANY (%s)", (ids,))
    found = client.get("/audit").json()
    owner.execute("UPDATE wallet.account SET balance = 0 WHERE id = ANY (%s)", (ids,))
    assert len(found["violations"]) == 100
    assert found["total"] >= 150
    assert {row["account_id"] for row in found["violations"]} <= set(ids)


def test_an_audit_that_takes_long_holds_nobody_up(service: Service, owner: Owner) -> None:
    with service.database.connect() as other, other.transaction():
        other.execute("LOCK TABLE wallet.reversal IN ACCESS EXCLUSIVE MODE")
        problem(service.client.get("/audit"), "busy")
        for path in ("/health/ready", "/account?email=a@b"):
            assert service.client.get(path).status_code == 200
