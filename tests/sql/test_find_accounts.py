"""find_accounts() returns the wallets of an address, without regard to case."""

from __future__ import annotations

from typing import Any

import pytest

from tests.support.calls import CREATE_ACCOUNT, DEPOSIT, FIND_ACCOUNTS, Connection, call, rows

OPENED = ["ada@example.com", "bob@example.com", "Ada@Example.com", "ADA@EXAMPLE.COM", "a@b"]


@pytest.fixture
def accounts(app: Connection) -> list[dict[str, Any]]:
    return [call(app, CREATE_ACCOUNT, email) for email in OPENED]


@pytest.mark.parametrize(
    ("email", "ids"),
    [
        ("ada@example.com", [1, 3, 4]),
        ("aDA@eXAMPLE.com", [1, 3, 4]),
        ("bob@example.com", [2]),
        ("A@B", [5]),
        ("eve@example.com", []),
        ("ada@example.co", []),
        ("ada@example.com ", []),
        ("%@%", []),
        ("ada@example_com", []),
        ("", []),
        (None, []),
    ],
)
def test_accounts_are_found_whatever_the_case_the_oldest_first(
    app: Connection, accounts: list[dict[str, Any]], email: str | None, ids: list[int]
) -> None:
    assert [account["id"] for account in rows(app, FIND_ACCOUNTS, email)] == ids


def test_what_is_found_is_as_it_was_given_and_as_it_is_now(
    app: Connection, accounts: list[dict[str, Any]]
) -> None:
    call(app, DEPOSIT, 3, 5)
    found = rows(app, FIND_ACCOUNTS, "ada@example.com")
    assert [account["email"] for account in found] == [OPENED[0], OPENED[2], OPENED[3]]
    assert [str(account["balance"]) for account in found] == ["0.00", "5.00", "0.00"]
    assert found[0] == accounts[0]


def test_the_parameter_of_find_accounts_bears_the_contracts_name(
    app: Connection, accounts: list[dict[str, Any]]
) -> None:
    assert call(app, "SELECT * FROM wallet.find_accounts(email => 'a@b')") == accounts[4]


def test_an_address_is_found_through_the_index(app: Connection, admin: Connection) -> None:
    """With 20 000 accounts in the table, and by an index's pages alone."""
    admin.execute(
        "INSERT INTO wallet.account (email) "
        "SELECT format('user%s@example.com', n) FROM generate_series(1, 20000) n"
    )
    admin.execute("ANALYZE wallet.account")
    for _ in range(6):
        assert len(rows(app, FIND_ACCOUNTS, "USER777@example.com")) == 1
    plan = call(
        app,
        "EXPLAIN (ANALYZE, BUFFERS, TIMING OFF, FORMAT JSON) "
        "SELECT * FROM wallet.find_accounts('USER777@example.com')",
    )["QUERY PLAN"][0]["Plan"]
    assert plan["Shared Hit Blocks"] + plan["Shared Read Blocks"] <= 10
