"""wallet.transfer() in SQL."""

from __future__ import annotations

import psycopg
from psycopg.rows import DictRow


def test_a_transfer_moves_money(app: psycopg.Connection[DictRow]) -> None:
    for _ in range(2):
        app.execute("SELECT wallet.create_account('ada@example.com')")
    app.execute("SELECT wallet.deposit(1, 10)")
    row = app.execute("SELECT * FROM wallet.transfer(1, 2, 2.345)").fetchone()
    assert row is not None
    assert str(row["amount"]) == "2.35"
