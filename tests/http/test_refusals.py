"""Each refusal over HTTP: the code and the status of its SQLSTATE, and the words of psql."""

from __future__ import annotations

from typing import Any, NamedTuple

import psycopg
import pytest
from httpx import Client

from tests.http.answers import problem
from tests.http.conftest import Owner, Wallet
from tests.http.processes import transfer
from tests.support.calls import ledger
from tests.support.model import CODES

NOBODY = 2**63 - 1


class Refused(NamedTuple):
    """A request, and the call in SQL that must be refused in the same way."""

    sqlstate: str
    method: str
    path: str
    body: dict[str, Any] | None
    call: str
    arguments: tuple[object, ...]


def payment(sqlstate: str, id: int, amount: str = "1") -> Refused:
    path = f"/account/{id}/payment"
    call = "wallet.deposit(%s, %s::numeric)"
    return Refused(sqlstate, "POST", path, {"amount": amount}, call, (id, amount))


def withdrawal(sqlstate: str, id: int, amount: str = "1") -> Refused:
    path = f"/account/{id}/withdrawal"
    call = "wallet.withdraw(%s, %s::numeric)"
    return Refused(sqlstate, "POST", path, {"amount": amount}, call, (id, amount))


def moved(sqlstate: str, source: int, target: int, amount: str = "1") -> Refused:
    body = {"source_account_id": source, "target_account_id": target, "amount": amount}
    call = "wallet.transfer(%s, %s, %s::numeric)"
    return Refused(sqlstate, "POST", "/transaction", body, call, (source, target, amount))


def reversal(sqlstate: str, id: int) -> Refused:
    return Refused(sqlstate, "POST", f"/transaction/{id}/reversal", {}, "wallet.reverse(%s)", (id,))


def account(sqlstate: str, email: str) -> Refused:
    body = {"email": email}
    return Refused(sqlstate, "POST", "/account", body, "wallet.create_account(%s)", (email,))


def test_each_refusal_has_its_code_its_status_and_the_words_of_psql(
    client: Client, psql: Owner, owner: Owner, wallet: Wallet
) -> None:
    def pay(id: int, way: str, amount: str) -> int:
        answer = client.post(f"/account/{id}/{way}", json={"amount": amount})
        return int(answer.json()["id"])

    poor, rich, full, frozen = wallet(), wallet("10.00"), wallet("999990.00"), wallet("10.00")
    spent = transfer(client, rich, poor, "4.00").json()["id"]
    pay(poor, "withdrawal", "4.00")
    taken_from_full = pay(full, "withdrawal", "5.00")
    pay(full, "payment", "14.99")
    paid_to_frozen = pay(frozen, "payment", "1.00")
    owner.execute("SELECT wallet.freeze_account(%s)", (frozen,))
    reversed = pay(rich, "payment", "1.00")
    back = client.post(f"/transaction/{reversed}/reversal", json={}).json()["id"]
    before = ledger(owner)
    for case in (
        *(
            account("WL001", email)
            for email in ("", "ada", "a b@c", "a\u00a0b@c", "a" * 253 + "@b")
        ),
        *(payment("WL002", rich, amount) for amount in ("0", "0.004", "-1", "999999.995")),
        withdrawal("WL002", rich, "1000000"),
        moved("WL002", rich, rich, "0"),
        moved("WL003", rich, rich),
        moved("WL003", NOBODY, NOBODY),
        Refused("WL004", "GET", f"/account/{NOBODY}", None, "wallet.get_account(%s)", (NOBODY,)),
        Refused(
            *("WL004", "GET", f"/account/{NOBODY}/transaction", None),
            *("wallet.get_statement(%s)", (NOBODY,)),
        ),
        payment("WL004", NOBODY),
        withdrawal("WL004", NOBODY),
        moved("WL004", NOBODY, rich),
        moved("WL004", rich, NOBODY),
        moved("WL004", NOBODY - 1, NOBODY),
        Refused(
            *("WL005", "GET", f"/transaction/{NOBODY}", None),
            *("wallet.get_transfer_result(%s)", (NOBODY,)),
        ),
        reversal("WL005", NOBODY),
        withdrawal("WL006", rich, "6.01"),
        moved("WL006", rich, poor, "6.01"),
        moved("WL006", poor, full),
        reversal("WL006", spent),
        payment("WL007", full, "0.01"),
        moved("WL007", rich, full),
        reversal("WL007", taken_from_full),
        payment("WL008", frozen),
        withdrawal("WL008", frozen),
        moved("WL008", frozen, rich),
        moved("WL008", rich, frozen),
        reversal("WL008", paid_to_frozen),
        reversal("WL009", reversed),
        reversal("WL010", back),
    ):
        body = problem(client.request(case.method, case.path, json=case.body), CODES[case.sqlstate])
        with pytest.raises(psycopg.Error) as caught:
            psql.execute(f"SELECT {case.call}".encode(), case.arguments)
        diag = caught.value.diag
        said = (diag.sqlstate, diag.message_detail, diag.message_hint)
        assert (case.sqlstate, body["detail"], body["hint"]) == said, case
    assert ledger(owner) == before
