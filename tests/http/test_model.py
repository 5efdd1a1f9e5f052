"""Through HTTP the ledger does what a plain model in exact decimals does, call by call."""

from __future__ import annotations

import json
from copy import deepcopy
from decimal import Decimal
from typing import Any

import httpx
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    Bundle,
    RuleBasedStateMachine,
    invariant,
    rule,
    run_state_machine_as_test,
)

from tests.http.answers import problem
from tests.support.databases import assert_sound
from tests.support.model import (
    ACCOUNT_NOT_FOUND,
    BATCH_REFUSED,
    CODES,
    INVALID_AMOUNT,
    LIMIT,
    SAME_ACCOUNT,
    Account,
    LedgerModel,
    Transaction,
)
from tests.support.service import JSON, Service

CENTS = Decimal("0.01")
BOUNDARIES = [
    *("0", "-0", "0.00499999", "0.004", "0.005", "-0.005", "0.01", "0.014999", "0.015", "1"),
    *("499999.99", "499999.995", "500000", "999999.98", "999999.985", "999999.99", "999999.994"),
    *("999999.995", "1000000", "-1", "1e19", "1e400", "1e-400"),
]

amounts = st.one_of(
    st.sampled_from(BOUNDARIES).map(Decimal),
    st.decimals("0.001", "20", places=3),
    st.decimals("-1", "1100000", allow_nan=False, allow_infinity=False, places=2),
    st.decimals(0, 1_000_000, allow_nan=False, allow_infinity=False),
)
emails = st.one_of(
    st.just("ada@example.com"),
    st.text("ab@. \t\u00a0\u0000\u0085ż😀", max_size=8),
    st.builds("{}@{}".format, st.text("aż", min_size=120, max_size=130), st.just("b" * 125)),
)
unknown_ids = st.integers(2**62, 2**63 - 1)


@st.composite
def written(draw: st.DrawFn) -> tuple[Decimal, str]:
    """An amount, and one of the ways to write it in a body."""
    amount = draw(amounts)
    spellings = [str(amount)]  # A JSON number, perhaps with an exponent.
    if -20 <= amount.adjusted() < 400:
        plain = f"{amount:f}"
        spellings.append(plain)
        before, _, after = plain.removeprefix("-").partition(".")
        if len(before) <= 20 and len(after) <= 20:
            spellings.append(f'"{plain}"')
    return amount, draw(st.sampled_from(spellings))


class Wallets(RuleBasedStateMachine):
    """Every rule asks both, and compares the answers."""

    client: httpx.Client
    ids = Bundle("ids")

    def __init__(self) -> None:
        super().__init__()
        self.model = LedgerModel()

    def compare(self, response: httpx.Response, expected: Account | Transaction | str) -> None:
        """The answer is the model's, and can be read back."""
        if isinstance(expected, str):
            problem(response, CODES[expected])
            return
        assert response.status_code == 201, response.text
        answer = response.json()
        if isinstance(expected, Account):
            assert (answer["email"], answer["balance"]) == (expected.email, "0.00")
        else:
            self.compare_made(answer, expected)
        read = self.client.get(response.headers["Location"])
        assert (read.status_code, read.json()) == (200, answer)

    def compare_made(self, answer: dict[str, Any], expected: Transaction) -> None:
        """It is what the model made, and the model knows it by its id from now on."""
        assert answer["state"] == "succeeded"
        assert "failure" not in answer
        assert (
            answer["source_account_id"],
            answer["target_account_id"],
            answer["amount"],
        ) == (expected.source_account_id, expected.target_account_id, f"{expected.amount:.2f}")
        self.model.record(answer["id"], expected)

    @rule(target=ids, email=emails)
    def open(self, email: str) -> int:
        response = self.client.post("/account", json={"email": email})
        id: int = response.json().get("id", 0)
        self.compare(response, self.model.open(id, email))
        return id or 2**62

    @rule(id=ids | unknown_ids, amount=written())
    def deposit(self, id: int, amount: tuple[Decimal, str]) -> None:
        exact, text = amount
        response = self.client.post(
            f"/account/{id}/payment", content=f'{{"amount": {text}}}', headers=JSON
        )
        self.compare(response, self.model.deposit(id, exact))

    @rule(payer=ids | unknown_ids, payee=ids | unknown_ids, amount=written())
    def transfer(self, payer: int, payee: int, amount: tuple[Decimal, str]) -> None:
        exact, text = amount
        members = {"source_account_id": payer, "target_account_id": payee}
        body = f'{json.dumps(members)[:-1]}, "amount": {text}}}'
        response = self.client.post("/transaction", content=body, headers=JSON)
        self.compare(response, self.model.transfer(payer, payee, exact))

    @rule(payer=ids | unknown_ids, payee=ids | unknown_ids, amount=written(), wait=st.booleans())
    def queue(self, payer: int, payee: int, amount: tuple[Decimal, str], wait: bool) -> None:
        """Have it queued, unless it is refused at once; or only if somebody else were at it."""
        exact, text = amount
        members = {"source_account_id": payer, "target_account_id": payee}
        body = f'{json.dumps(members)[:-1]}, "amount": {text}}}'
        prefer = "respond-async, wait=1" if wait else "respond-async"
        response = self.client.post(
            "/transaction", content=body, headers={**JSON, "Prefer": prefer}
        )
        expected = self.model.transfer(payer, payee, exact)
        if wait or expected in (INVALID_AMOUNT, SAME_ACCOUNT, ACCOUNT_NOT_FOUND):
            self.compare(response, expected)
            return
        assert (response.status_code, response.json()["state"]) == (202, "pending")
        read = self.client.get(response.headers["Location"], headers={"Prefer": "wait=30"})
        answer = read.json()
        assert answer["id"] == response.json()["id"]
        if isinstance(expected, str):
            assert (answer["state"], answer["failure"]["code"]) == ("failed", CODES[expected])
        else:
            self.compare_made(answer, expected)

    @rule(
        transfers=st.lists(st.tuples(ids, ids | unknown_ids, written()), max_size=8),
        atomic=st.booleans(),
    )
    def batch(self, transfers: list[tuple[int, int, tuple[Decimal, str]]], atomic: bool) -> None:
        items = [
            f'{{"source_account_id": {payer}, "target_account_id": {payee}, "amount": {text}}}'
            for payer, payee, (_, text) in transfers
        ]
        response = self.client.post(
            "/transaction/batch",
            content=f'{{"transfers": [{", ".join(items)}], "atomic": {json.dumps(atomic)}}}',
            headers=JSON,
        )
        assert response.status_code == 200, response.text
        before = deepcopy(self.model)
        outcomes = [
            self.model.transfer(payer, payee, exact) for payer, payee, (exact, _) in transfers
        ]
        if atomic and any(isinstance(outcome, str) for outcome in outcomes):
            self.model = before
            outcomes = [o if isinstance(o, str) else BATCH_REFUSED for o in outcomes]
        for answer, expected in zip(response.json()["results"], outcomes, strict=True):
            if isinstance(expected, str):
                assert answer["code"] == CODES[expected]
            else:
                self.compare_made(answer, expected)

    @rule(id=ids | unknown_ids, amount=written())
    def withdraw(self, id: int, amount: tuple[Decimal, str]) -> None:
        exact, text = amount
        response = self.client.post(
            f"/account/{id}/withdrawal", content=f'{{"amount": {text}}}', headers=JSON
        )
        self.compare(response, self.model.withdraw(id, exact))

    @rule(data=st.data())
    def reverse(self, data: st.DataObject) -> None:
        known = st.sampled_from(sorted(self.model.transactions) or [2**62])
        transaction_id = data.draw(known | unknown_ids)
        response = self.client.post(f"/transaction/{transaction_id}/reversal")
        self.compare(response, self.model.reverse(transaction_id))

    @rule(payer=ids, payee=ids, cents=st.integers(-1, 1))
    def empty(self, payer: int, payee: int, cents: int) -> None:
        """Move all that an account has, or a cent more or less."""
        known = self.model.get(payer)
        balance = known.balance if isinstance(known, Account) else Decimal(0)
        exact = balance + cents * CENTS
        self.transfer(payer=payer, payee=payee, amount=(exact, f'"{exact}"'))

    @rule(id=ids, cents=st.integers(-1, 1))
    def fill(self, id: int, cents: int) -> None:
        """Pay in all that an account can take, or a cent more or less."""
        known = self.model.get(id)
        balance = known.balance if isinstance(known, Account) else Decimal(0)
        exact = LIMIT - balance + cents * CENTS
        self.deposit(id=id, amount=(exact, f'"{exact}"'))

    @invariant()
    def balances_agree(self) -> None:
        for account in self.model.accounts.values():
            answer = self.client.get(f"/account/{account.id}").json()
            assert answer["balance"] == f"{account.balance:.2f}"


def test_http_agrees_with_the_model(service: Service, client: httpx.Client) -> None:
    run_state_machine_as_test(
        type("Wallets", (Wallets,), {"client": client}),
        settings=settings(
            max_examples=60,
            stateful_step_count=30,
            deadline=None,
            print_blob=True,
            suppress_health_check=list(HealthCheck),
        ),
    )
    with service.database.connect() as connection:
        assert_sound(connection)
