"""The client knows every route, member and code that the service has."""

from __future__ import annotations

import inspect
import re
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

# What is for people and for monitoring.
NOT_FOR_PROGRAMS = {"/docs", "/openapi.json", "/metrics", "/console"}
OPERATIONS = {
    (method.upper(), path): operation
    for path, methods in DOCUMENT["paths"].items()
    if path not in NOT_FOR_PROGRAMS
    for method, operation in methods.items()
    if method in ("get", "post", "put", "delete")
}
# A member of the body or a parameter that the client writes differently.
NAMES = {"limit": "page_size", "Idempotency-Key": "idempotency_key", "Prefer": "queue_after"}


def arguments(operation: dict[str, Any]) -> set[str]:
    """The names of what a request of this operation can say."""
    found = set()
    for reference in operation["parameters"]:
        name = reference["$ref"].rpartition("/")[2]
        if name not in ("id", "X-Request-ID", "Prefer-wait"):
            found.add(NAMES.get(name, name))
    body = operation.get("requestBody", {"content": {}})["content"].get("application/json")
    if body:
        name = body["schema"]["$ref"].rpartition("/")[2]
        found |= set(DOCUMENT["components"]["schemas"][name]["properties"])
    return found


@pytest.mark.parametrize("client", [Wallet, AsyncWallet])
def test_each_operation_is_a_method_that_takes_what_the_operation_takes(client: type) -> None:
    for operation in OPERATIONS.values():
        method = getattr(client, operation["operationId"])
        assert arguments(operation) <= set(inspect.signature(method).parameters), operation


def test_the_two_clients_have_the_same_methods() -> None:
    def methods(client: type) -> dict[str, str]:
        found = inspect.getmembers(client, inspect.isfunction)
        return {
            name: re.sub("Async", "", str(inspect.signature(method)))
            for name, method in found
            if not name.startswith("_")
        }

    assert methods(Wallet) == methods(AsyncWallet)


def test_each_code_is_an_exception() -> None:
    assert Problem.known.keys() >= CODES.keys()
    for kind in Problem.known.values():
        assert getattr(pgwallet, kind.__name__) is kind


def test_each_member_of_an_answer_is_known() -> None:
    schemas = DOCUMENT["components"]["schemas"]
    for shape in (objects.Account, objects.Transaction, objects.Failure, objects.StatementLine):
        documented = set(schemas[shape.__name__]["properties"])
        assert documented <= {field.name for field in fields(shape)}, shape


@pytest.mark.parametrize("kind", [Wallet, AsyncWallet])
def test_the_methods_ask_for_each_operation(
    service: Service, kind: type[Wallet] | type[AsyncWallet]
) -> None:
    with Faulty(service.url) as proxy, Either(kind, proxy.url) as wallet:
        ada = wallet.create_account("ada@example.com")
        bob = wallet.create_account("bob@example.com")
        assert wallet.get_account(bob.id) == bob
        assert ada in wallet.find_accounts("ada@example.com", page_size=1)
        deposit = wallet.deposit(ada.id, Decimal("20"))
        assert wallet.get_transaction(deposit.id) == deposit
        wallet.withdraw(ada.id, "1.00")
        transfer = wallet.transfer(ada.id, bob.id, 1)
        wallet.transfer_batch([Transfer(ada.id, bob.id, "2.00")], atomic=True)
        wallet.reverse(transfer.id)
        amounts = [str(line.amount) for line in wallet.get_statement(ada.id, page_size=1)]
        assert amounts == ["1.00", "-2.00", "-1.00", "-1.00", "20.00"]
        wallet.live()
        wallet.ready()
    paths = ((method, path.partition("?")[0]) for method, path, _ in proxy.seen)
    assert {(method, re.sub(r"/[0-9]+", "/{id}", path)) for method, path in paths} == set(
        OPERATIONS
    )
