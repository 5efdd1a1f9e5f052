"""Batches lock all their accounts first, in one order, and decide by what is there then."""

from __future__ import annotations

import pytest

from tests.support.calls import Connection, answer, balances, batch, call, open_accounts, rows
from tests.support.databases import assert_sound
from tests.support.threads import background, wait_until_blocked


@pytest.mark.parametrize("order", [[(1, 3, 60), (2, 3, 60)], [(2, 3, 60), (1, 3, 60)]])
def test_a_batch_decides_by_what_is_there_when_it_has_waited(
    app: Connection,
    admin: Connection,
    holding: Connection,
    waiting: Connection,
    order: list[tuple[int, int, int]],
) -> None:
    """It locks all its accounts first. While it waits for one, it holds no other."""
    open_accounts(app, "100", "100", "0", "0")
    call(holding, "transfer", 2, 4, 60)
    with background(rows, waiting, "transfer_batch", batch(order), False) as waiter:
        wait_until_blocked(admin, waiting, holding)
        app.execute("SET lock_timeout = '5s'")
        assert isinstance(answer(app, "deposit", 1, 1), dict), "it holds the lower account"
        holding.commit()
        results = waiter.result()
    codes = {result["source_account_id"]: result["sqlstate"] for result in results}
    assert codes == {1: None, 2: "WL006"}
    assert balances(admin) == {1: "41.00", 2: "40.00", 3: "60.00", 4: "60.00"}
    assert_sound(admin)
