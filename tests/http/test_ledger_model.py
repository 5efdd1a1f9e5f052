"""Over HTTP, in whatever order they are asked for, the calls do what the model in SQL does."""

from __future__ import annotations

from collections import Counter
from datetime import datetime
from decimal import Decimal
from typing import Any

import hypothesis
from hypothesis.stateful import run_state_machine_as_test

from service.limits import MAX_ID
from tests.http.calls import ROUTES, ask
from tests.http.processes import own_service, wait_until
from tests.sql.test_ledger_model import LedgerMachine, machine_settings
from tests.support.calls import Connection, rows
from tests.support.databases import Database
from tests.support.model import CODES, INVALID_PAGE_SIZE
from tests.support.seeds import fresh_seed
from tests.support.service import Service

SQLSTATES = {code: sqlstate for sqlstate, code in CODES.items()}


class HttpMachine(LedgerMachine):
    """The machine of the functions, with a service between. What is refused there for its form is
    asked of the function as well: that refuses it too, unless it only reads.
    """

    def __init__(
        self, service: Service, app: Connection, admin: Connection, seen: Counter[str]
    ) -> None:
        super().__init__(service.database, app, admin, seen)
        self.client = service.client

    def answer(self, what: str, *arguments: Any, **more: str) -> dict[str, Any] | str:
        # A page's size that is refused may be NULL, which no route takes.
        is_page = what == "get_statement" and self.model.statement(*arguments) == INVALID_PAGE_SIZE
        if what not in ROUTES or is_page:
            return super().answer(what, *arguments)
        response = ask(self.client, what, *arguments, **more)
        shown: dict[str, Any] = response.json()
        if response.is_success:
            return self.row_of(shown)
        method, path, *_ = ROUTES[what]
        # An id that is none comes before all else that may be wrong.
        is_none = "{}" in path and (arguments[0] is None or not 1 <= arguments[0] <= MAX_ID)
        if shown["code"] != "invalid_request" and not is_none:
            return SQLSTATES[shown["code"]]
        assert not is_none or response.status_code == 404, shown
        said = super().answer(what, *arguments)
        assert isinstance(said, str) or method == "GET", said
        return said

    def row_of(self, shown: dict[str, Any]) -> dict[str, Any]:
        """The row that an answer is about, once the answer has been held to it."""
        table = "hold" if "captured" in shown else "account" if "email" in shown else "transaction"
        (row,) = rows(self.admin, f"SELECT * FROM wallet.{table} WHERE id = %s", shown["id"])
        for name in row.keys() & shown.keys():
            value = row[name]
            if isinstance(value, datetime):
                assert datetime.fromisoformat(shown[name]) == value, name
            else:
                assert shown[name] == (str(value) if isinstance(value, Decimal) else value), name
        return row

    def rows(self, what: str, *arguments: Any) -> list[dict[str, Any]]:
        if what == "get_statement":
            id, before, limit = arguments
            path, query = f"/account/{id}/transaction", {"before": before, "limit": limit}
        elif what == "find_accounts" and arguments[0] is not None:
            path, query = "/account", {"email": arguments[0]}
        else:
            return super().rows(what, *arguments)
        response = self.client.get(path, params={k: v for k, v in query.items() if v is not None})
        if response.status_code == 400:
            return super().rows(what, *arguments)
        items: list[dict[str, Any]] = response.raise_for_status().json()["items"]
        for line in items if what == "get_statement" else ():
            line["ctime"] = datetime.fromisoformat(line["ctime"])
            line["amount"], line["balance"] = Decimal(line["amount"]), Decimal(line["balance"])
        return items

    def transfer_with(self, reference: str, *request: object) -> dict[str, Any] | str:
        return self.answer("transfer", *request, reference=reference)

    def ids_with(self, reference: str, kind: str) -> list[int]:
        found = self.client.get(f"/{kind}", params={"reference": reference, "limit": 1000}).json()
        assert all(item["reference"] == reference for item in found["items"])
        return sorted(item["id"] for item in found["items"])

    def sweep(self, _: int) -> None:
        """By the queue worker, or here: whoever is first."""
        still_due = "SELECT FROM wallet.hold WHERE state = 'held' AND expires_at <= now()"

        def is_swept() -> bool:
            super(HttpMachine, self).rows("expire_holds", 10)
            return not rows(self.admin, still_due)

        wait_until(is_swept, "what is due is swept")


def test_the_routes_answer_as_the_model_does(template: Database) -> None:
    seen: Counter[str] = Counter()
    with (
        own_service(template) as service,
        service.database.connect() as admin,
        service.database.connect("wallet_app") as app,
    ):

        class Machine(HttpMachine):
            def __init__(self) -> None:
                super().__init__(service, app, admin, seen)

        run_state_machine_as_test(
            hypothesis.seed(fresh_seed())(Machine), settings=machine_settings(examples=8, steps=25)
        )
    print(f"what was answered: {dict(seen)}")
    assert seen["done"] > 100
