"""How the client behaves: money, refusals, the queue, and what it tries again."""

from __future__ import annotations

import doctest
import pickle
from collections.abc import Iterator
from datetime import UTC
from decimal import Decimal
from pathlib import Path
from typing import Any, get_args
from unittest.mock import ANY

import httpx
import msgspec
import pytest
from faulty import Either, Fault, Faulty
from tests.support.service import Service

import pgwallet
from pgwallet import AsyncWallet, Problem, Transfer, Wallet
from pgwallet.core import Core


@pytest.fixture
def proxy(service: Service) -> Iterator[Faulty]:
    with Faulty(service.url) as proxy:
        yield proxy


@pytest.fixture(params=[Wallet, AsyncWallet])
def wallet(request: pytest.FixtureRequest, proxy: Faulty) -> Iterator[Either]:
    with Either(request.param, proxy.url, "pgw_secret", timeout=1, retry_for=30) as wallet:
        yield wallet


def test_money_is_decimal_and_times_are_aware(wallet: Either) -> None:
    account = wallet.create_account("ada@example.com")
    paid = wallet.deposit(account.id, Decimal("1E+3"))
    assert (type(paid.amount), str(paid.amount)) == (Decimal, "1000.00")
    assert paid.ctime.tzinfo == UTC
    with pytest.raises(AttributeError):
        paid.amount = 5


@pytest.mark.parametrize("amount", [1.5, True, None])
def test_a_float_is_no_amount(wallet: Either, proxy: Faulty, amount: Any) -> None:
    calls = {
        "deposit": ((1, amount), {}),
        "withdraw": ((1, amount), {}),
        "transfer": ((1, 2, amount), {}),
        "transfer_batch": (([Transfer(1, 2, amount)],), {"atomic": True}),
    }
    for name, (arguments, named) in calls.items():
        with pytest.raises(TypeError, match="an amount is a Decimal, an int or a str"):
            getattr(wallet, name)(*arguments, **named)
    assert proxy.seen == []


def test_a_refusal_is_an_exception_of_its_own(wallet: Either, proxy: Faulty) -> None:
    ada, bob = (wallet.create_account("ada@example.com").id for _ in range(2))
    with pytest.raises(pgwallet.InsufficientFunds) as caught:
        wallet.transfer(ada, bob, "5.00", idempotency_key="mine" + str(ada))
    # Processes hand exceptions to one another.
    for error in (caught.value, pickle.loads(pickle.dumps(caught.value))):
        assert (error.code, error.status) == ("insufficient_funds", 409)
        assert error.detail.startswith(f"Account {ada} holds 0.00")
        assert error.hint
        assert error.request_id
        assert error.idempotency_key == "mine" + str(ada)
        assert str(error) == f"insufficient_funds: {error.detail} {error.hint}"
    assert proxy.seen[-1][2]["Idempotency-Key"] == "mine" + str(ada)
    with pytest.raises(pgwallet.InvalidRequest) as wrong:
        list(wallet.get_statement(ada, page_size=0))
    assert [error.field for error in wrong.value.errors] == ["limit"]
    results = wallet.transfer_batch([Transfer(ada, bob, 1), Transfer(ada, ada, 1)], atomic=False)
    kinds = [pgwallet.InsufficientFunds, pgwallet.SameAccount]
    assert [type(result) for result in results] == kinds


def test_a_queued_transfer_is_waited_for(wallet: Either) -> None:
    ada, bob = (wallet.create_account("ada@example.com").id for _ in range(2))
    wallet.deposit(ada, "5.00")
    queued = wallet.transfer(ada, bob, "3.00", queue_after=0)
    assert queued.state == "pending"
    assert wallet.wait(queued.id).state == "succeeded"
    assert wallet.transfer(ada, bob, "1.00", queue_after=2).state == "succeeded"
    refused = wallet.transfer(ada, bob, "3.00", queue_after=0)
    with pytest.raises(pgwallet.InsufficientFunds, match=r"Account \d+ holds 1\.00"):
        wallet.wait(refused.id)


@pytest.mark.parametrize("fault", get_args(Fault))
def test_what_fails_in_transit_is_sent_again_and_happens_once(
    wallet: Either, proxy: Faulty, fault: Fault
) -> None:
    account = wallet.create_account("ada@example.com")
    faults = iter([fault, fault])
    proxy.fault = lambda: next(faults, None)
    proxy.seen.clear()
    wallet.deposit(account.id, "1.00")
    assert len(proxy.seen) >= 3
    assert len({headers["Idempotency-Key"] for _, _, headers in proxy.seen}) == 1
    assert {headers["Authorization"] for _, _, headers in proxy.seen} == {"Bearer pgw_secret"}
    assert wallet.get_account(account.id).balance == 1


@pytest.mark.parametrize(
    ("fault", "kind"),
    [("503", pgwallet.Busy), ("502", pgwallet.UnexpectedAnswer), ("reset", pgwallet.NoAnswer)],
)
def test_what_stays_wrong_is_given_up(
    proxy: Faulty, fault: Fault, kind: type[pgwallet.WalletError]
) -> None:
    proxy.fault = lambda: fault
    with Wallet(proxy.url, retry_for=0.5) as wallet, pytest.raises(kind) as caught:
        wallet.deposit(1, 1)
    assert caught.value.idempotency_key == proxy.seen[0][2]["Idempotency-Key"]


def steps(reply: httpx.Response) -> tuple[list[float], Any]:
    """The pauses after ten such answers to a call, and what it raises or returns then."""
    call = Core(httpx.Client(), "http://wallet", None, 1, 60).get_account(1)
    pauses: list[float] = []
    step = next(call)
    while len(pauses) < 10:
        try:
            step = call.send(reply if isinstance(step, httpx.Request) else None)
        except (Problem, StopIteration) as end:
            return pauses, getattr(end, "value", end)
        if isinstance(step, float):
            pauses.append(step)
    return pauses, None


def test_pauses_are_random_and_as_long_as_retry_after_says() -> None:
    pauses, _ = steps(httpx.Response(503, headers={"Retry-After": "3"}))
    assert all(3 <= pause <= 7 for pause in pauses)
    assert len(set(pauses)) == 10
    late = httpx.Response(429, headers={"Retry-After": "61"}, json={"code": "x", "detail": ""})
    assert steps(late) == ([], ANY)


def test_what_a_newer_service_adds_is_tolerated() -> None:
    account = {"id": 1, "email": "a@b", "balance": "0.10", "ctime": "2026-11-22T15:41:58Z"}
    _, read = steps(httpx.Response(200, content=msgspec.json.encode({**account, "new": [1]})))
    assert read.balance == Decimal("0.10")
    new = {"code": "new_code", "detail": "Why.", "new": 1}
    _, problem = steps(httpx.Response(409, content=msgspec.json.encode(new)))
    assert (type(problem), problem.code, problem.detail) == (Problem, "new_code", "Why.")


def test_the_readme_is_true(service: Service) -> None:
    readme = Path(__file__).parents[1] / "README.md"
    text = readme.read_text().replace("http://127.0.0.1:8000", service.url).replace("…", "x")
    test = doctest.DocTestParser().get_doctest(text, {}, "README.md", str(readme), 0)
    assert len(test.examples) > 5
    assert doctest.DocTestRunner().run(test).failed == 0
