"""In whatever order they are called, the functions answer as the model in exact decimals does."""

from __future__ import annotations

from collections import Counter
from dataclasses import asdict
from decimal import Decimal
from typing import Any

import hypothesis
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    rule,
    run_state_machine_as_test,
)

from tests.support.calls import (
    CREATE_ACCOUNT,
    DEPOSIT,
    GET_ACCOUNT,
    GET_TRANSACTION,
    TRANSFER,
    Connection,
    answer,
)
from tests.support.databases import assert_sound
from tests.support.model import CODES, LIMIT, Account, LedgerModel, Transaction
from tests.support.seeds import fresh_seed

# Four accounts are opened at the start, and more as it goes on: 5 to 7 are unknown for a while.
IDS = st.one_of(
    *[st.integers(1, 4)] * 3,
    st.integers(1, 7),
    st.sampled_from([None, -(2**63), -1, 0, 77, 2**63 - 1]),
)
EDGES = (
    *("NaN", "Infinity", "-Infinity", "-0.005", "-0.01", "0", "0.004", "0.0049999", "0.005"),
    *("0.01", "999999.99", "999999.994", "999999.99499999", "999999.995", "1000000"),
    *("1e131071", "-1e131071", "1e-16383"),
)
AMOUNTS = st.one_of(
    st.none(),
    st.sampled_from([Decimal(edge) for edge in EDGES]),
    st.integers(1, 10_000).map(lambda cents: Decimal(cents).scaleb(-2)),
    st.decimals("0.01", LIMIT, places=2),
    st.decimals("-1", "1000001", places=3),
    st.decimals("0", "1000000", allow_nan=False, allow_infinity=False),
)
# What is added to an amount that would just empty an account, or just fill it.
NUDGES = st.sampled_from([Decimal(n) for n in ("-0.01", "-0.006", "0", "0.0049", "0.005", "0.01")])
EMAILS = st.one_of(
    st.none(),
    st.emails(),
    st.text(st.sampled_from("aé@@. \t\u0001\u007f\u0085\u00a0"), max_size=6),
    st.integers(250, 258).map(lambda size: "a@".rjust(size - 1, "b") + "c"),
)


class LedgerMachine(RuleBasedStateMachine):
    """Each rule calls a function and the model, and compares what they answer."""

    def __init__(self, app: Connection, admin: Connection, seen: Counter[str]) -> None:
        super().__init__()
        self.app = app
        self.admin = admin
        self.seen = seen
        self.model = LedgerModel()
        self.transactions: dict[int, dict[str, Any]] = {}
        admin.execute("TRUNCATE wallet.account, wallet.transaction RESTART IDENTITY")

    def compare(
        self, answered: dict[str, Any] | str, expected: Account | Transaction | str
    ) -> None:
        if isinstance(answered, str) or isinstance(expected, str):
            assert answered == expected
            self.seen[expected if isinstance(expected, str) else "done"] += 1
            return
        fields = asdict(expected)
        assert {name: answered[name] for name in fields} == fields
        if isinstance(expected, Transaction):
            assert str(answered["amount"]) == str(expected.amount)
            self.transactions[answered["id"]] = answered
        self.seen["done"] += 1

    @initialize()
    def open_four(self) -> None:
        for number in range(4):
            self.open_account(f"{number}@example.com")

    @rule(email=EMAILS)
    def open_account(self, email: str | None) -> None:
        answered = answer(self.app, CREATE_ACCOUNT, email)
        id = 0 if isinstance(answered, str) else answered["id"]
        self.compare(answered, self.model.open(id, email))

    @rule(account_id=IDS, amount=AMOUNTS)
    def deposit(self, account_id: int | None, amount: Decimal | None) -> None:
        answered = answer(self.app, DEPOSIT, account_id, amount)
        self.compare(answered, self.model.deposit(account_id, amount))

    @rule(account_id=IDS, nudge=NUDGES)
    def fill(self, account_id: int | None, nudge: Decimal) -> None:
        account = self.model.get(account_id)
        room = LIMIT - account.balance if isinstance(account, Account) else LIMIT
        self.deposit(account_id, room + nudge)

    @rule(source_account_id=IDS, target_account_id=IDS, amount=AMOUNTS)
    def transfer(
        self, source_account_id: int | None, target_account_id: int | None, amount: Decimal | None
    ) -> None:
        answered = answer(self.app, TRANSFER, source_account_id, target_account_id, amount)
        self.compare(answered, self.model.transfer(source_account_id, target_account_id, amount))

    @rule(source_account_id=IDS, target_account_id=IDS, nudge=NUDGES)
    def empty(
        self, source_account_id: int | None, target_account_id: int | None, nudge: Decimal
    ) -> None:
        account = self.model.get(source_account_id)
        balance = account.balance if isinstance(account, Account) else Decimal(1)
        self.transfer(source_account_id, target_account_id, balance + nudge)

    @rule(account_id=IDS)
    def read_account(self, account_id: int | None) -> None:
        self.compare(answer(self.app, GET_ACCOUNT, account_id), self.model.get(account_id))

    @rule(id=IDS)
    def read_transaction(self, id: int | None) -> None:
        answered = answer(self.app, GET_TRANSACTION, id)
        expected = "WL005" if id is None else self.transactions.get(id, "WL005")
        assert answered == expected
        self.seen["WL005" if isinstance(answered, str) else "done"] += 1

    @invariant()
    def a_refused_call_has_changed_nothing(self) -> None:
        rows = self.admin.execute(
            "SELECT id, email, balance, entry_count FROM wallet.account ORDER BY id"
        ).fetchall()
        assert rows == [asdict(account) for account in self.model.accounts.values()]

    def teardown(self) -> None:
        assert_sound(self.admin)
        rows = self.admin.execute("SELECT * FROM wallet.transaction ORDER BY id").fetchall()
        assert {row["id"]: row for row in rows} == self.transactions
        assert len(rows) == len(self.transactions)


def test_the_functions_answer_as_the_model_does(app: Connection, admin: Connection) -> None:
    seen: Counter[str] = Counter()

    class Machine(LedgerMachine):
        def __init__(self) -> None:
            super().__init__(app, admin, seen)

    run_state_machine_as_test(
        hypothesis.seed(fresh_seed())(Machine),
        settings=settings(
            max_examples=200,
            stateful_step_count=60,
            deadline=None,
            print_blob=True,
            database=None,
            suppress_health_check=list(HealthCheck),
        ),
    )
    print(f"what was answered: {dict(seen)}")
    assert set(seen) == {*CODES, "done"}, "an answer that the contract knows was never met"
