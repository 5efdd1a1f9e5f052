"""The client knows every route, member and code that the service has."""

from __future__ import annotations

import inspect
import re
import secrets
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from faulty import Either, Faulty
from msgspec.structs import fields
from service.codes import CODES
from service.openapi import DOCUMENT
from tests.support.service import Service

import pgwallet
from pgwallet import AsyncWallet, Problem, Transfer, Wallet, objects

# What is for tools.
NOT_FOR_PROGRAMS = {"openapi.json", "metrics"}
OPERATIONS = {
    (method.upper(), path): operation
    for path, methods in DOCUMENT["paths"].items()
    if path.split("/")[1] not in NOT_FOR_PROGRAMS
    for method, operation in methods.items()
    if method in ("get", "post", "put", "delete")
}
SCHEMAS = DOCUMENT["components"]["schemas"]
# How the client calls what a request says; None is what it sees to itself.
NAMES = {
    "limit": "page_size",
    "from": "from_time",
    "to": "to_time",
    "Idempotency-Key": "idempotency_key",
    "Prefer": "queue_after",
    "id": None,
    "X-Request-ID": None,
    "Prefer-wait": None,
    "Prefer-fresh": None,
}


def arguments(operation: dict[str, Any]) -> set[str | None]:
    """The names of what a request of this operation can say."""
    names = [reference["$ref"].rpartition("/")[2] for reference in operation["parameters"]]
    if body := operation.get("requestBody"):
        schema = body["content"]["application/json"]["schema"]["$ref"].rpartition("/")[2]
        names += SCHEMAS[schema]["properties"]
    return {NAMES.get(name, name) for name in names} - {None}


def test_each_operation_is_a_method_of_both_clients_that_takes_what_it_takes() -> None:
    for operation in OPERATIONS.values():
        method, same = (getattr(kind, operation["operationId"]) for kind in (Wallet, AsyncWallet))
        assert arguments(operation) <= set(inspect.signature(method).parameters), operation
        assert inspect.signature(same).parameters == inspect.signature(method).parameters


def test_each_code_is_an_exception() -> None:
    assert Problem.known.keys() >= CODES.keys()
    for kind in Problem.known.values():
        assert getattr(pgwallet, kind.__name__) is kind


@pytest.mark.parametrize(
    "name",
    [
        *("Account", "Hold", "Transaction", "Failure", "StatementLine"),
        *("Violation", "Queue", "QueuedTransfer", "Wait", "Version"),
    ],
)
def test_each_member_of_an_answer_is_known(name: str) -> None:
    known = {field.name for field in fields(getattr(objects, name))}
    assert SCHEMAS[name]["properties"].keys() <= known


@pytest.mark.parametrize("kind", [Wallet, AsyncWallet])
def test_the_methods_ask_for_each_operation(
    service: Service, kind: type[Wallet] | type[AsyncWallet]
) -> None:
    email = f"{secrets.token_hex(8)}@example.com"
    with Faulty(service.url) as proxy, Either(kind, proxy.url) as wallet:
        ada, bob = (wallet.create_account(email) for _ in range(2))
        assert wallet.get_account(bob.id) == bob
        assert wallet.find_accounts(email, page_size=1) == [ada, bob]
        deposit = wallet.deposit(ada.id, Decimal("20"))
        assert wallet.get_transaction(deposit.id) == deposit
        wallet.withdraw(ada.id, "1.00")
        transfer = wallet.transfer(ada.id, bob.id, 1)
        wallet.transfer_batch([Transfer(ada.id, bob.id, "2.00")], atomic=True)
        wallet.reverse(transfer.id)
        amounts = [str(line.amount) for line in wallet.get_statement(ada.id, page_size=1)]
        assert amounts == ["1.00", "-2.00", "-1.00", "-1.00", "20.00"]
        words: dict[str, Any] = {"reference": email, "metadata": {"items": [1, "é"]}}
        named = wallet.annotate_account(bob.id, reference=email, metadata={})
        assert [*wallet.find_accounts(reference=email)] == [named]
        paid = wallet.transfer_batch([Transfer(ada.id, bob.id, 1, **words)], atomic=True)
        paid += [wallet.deposit(bob.id, 1, **words), wallet.withdraw(bob.id, 1, **words)]
        paid.append(wallet.reverse(paid[0].id, **words))
        period = {"from_time": paid[0].ctime, "to_time": paid[2].ctime + timedelta(seconds=9)}
        for conditions in ({"reference": email}, {"account_id": bob.id, **period}):
            found = [*wallet.find_transactions(**conditions, page_size=1)]
            assert [t.id for t in found] == [t.id for t in paid[::-1]]
            assert {t.reference for t in found} == {t.reference for t in paid} == {email}
            assert (
                [t.metadata for t in found] == [t.metadata for t in paid] == [words["metadata"]] * 4
            )
        hold = wallet.hold(ada.id, 5, expires_in=3600)
        assert [wallet.get_hold(hold.id)] == [*wallet.get_holds(ada.id)] == [hold]
        assert wallet.capture(hold.id, 2, bob.id).amount == 2
        assert wallet.release(hold.id).state == "released"
        assert wallet.set_limits(ada.id, minimum="-1.00").available == Decimal("16.00")
        assert wallet.freeze_account(bob.id).frozen
        assert not wallet.unfreeze_account(bob.id).frozen
        assert wallet.set_email(bob.id, "b@example.com").email == "b@example.com"
        with pytest.raises(pgwallet.NotPending):
            wallet.cancel(transfer.id)
        assert wallet.audit() == []
        assert wallet.get_queue().pending == len(wallet.get_queue().items)
        assert wallet.get_account_waits() == []
        assert wallet.version().schema == DOCUMENT["info"]["version"]
        wallet.live()
        wallet.ready()
    paths = ((method, path.partition("?")[0]) for method, path, _ in proxy.seen)
    asked = {(method, re.sub(r"/[0-9]+", "/{id}", path)) for method, path in paths}
    assert asked == OPERATIONS.keys()
