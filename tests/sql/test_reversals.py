"""reverse() moves the money of a transaction back: once, under the same locks and limits."""

from __future__ import annotations

from tests.support.calls import Connection, answer, balances, call, ledger, open_accounts, refusal
from tests.support.databases import Database, assert_sound
from tests.support.threads import background, wait_until_blocked


def links(admin: Connection) -> dict[int, int]:
    return {row["transaction_id"]: row["reverses"] for row in ledger(admin).reversals}


def test_the_refusals_of_a_reversal_come_in_the_contracts_order(
    app: Connection, admin: Connection
) -> None:
    """All that can stand in the way does, and is put out of it one by one.

    What was reversed, or is a reversal, says so first, whatever the accounts hold now.
    """
    open_accounts(app, "100", "0")
    reversed = call(app, "transfer", 1, 2, 30)["id"]
    reversal = call(app, "reverse", reversed)["id"]
    transfer = call(app, "transfer", 1, 2, 30)["id"]
    call(app, "withdraw", 2, "0.01")
    call(app, "deposit", 1, "999929.99")
    # A link that only a superuser can make: a reversal that has been reversed.
    with admin.transaction(force_rollback=True):
        admin.execute("INSERT INTO wallet.reversal VALUES (%s, %s)", (transfer, reversal))
        assert refusal(admin, "reverse", reversal).sqlstate == "WL010"
    for id in (1, 2):
        call(admin, "freeze_account", id)

    def said(id: int) -> tuple[str | None, str | None]:
        diagnostic = refusal(app, "reverse", id)
        return diagnostic.sqlstate, diagnostic.message_detail

    before = ledger(admin)
    assert said(77) == ("WL005", "There is no transaction 77.")
    assert said(reversed) == ("WL009", f"Transaction {reversed} has been reversed already.")
    assert said(reversal) == ("WL010", f"Transaction {reversal} is a reversal itself.")
    # Account 2 lacks a cent, account 1 is full, and both are frozen.
    assert said(transfer) == ("WL006", "Account 2 holds 29.99, which is less than 30.00.")
    assert ledger(admin) == before
    for id, function, amount, sqlstate, named in (
        (2, "deposit", "0.01", "WL007", "Account 1 "),
        (1, "withdraw", "30", "WL008", "Account 2 "),  # The one that pays now is named.
        (2, "deposit", "1", "WL008", "Account 1 "),
    ):
        call(admin, "unfreeze_account", id)
        call(app, function, id, amount)
        if amount != "1":
            call(admin, "freeze_account", id)
        assert said(transfer)[0] == sqlstate
        assert (said(transfer)[1] or "").startswith(named)
    call(admin, "unfreeze_account", 1)
    call(app, "reverse", transfer)
    assert said(transfer)[0] == "WL009"
    assert_sound(admin)


def test_of_two_reversals_at_once_exactly_one_is_made(
    database: Database, app: Connection, admin: Connection
) -> None:
    """The second waits for the first. When that is undone, the second is made instead."""
    open_accounts(app, "100", "0")
    for end in ("COMMIT", "ROLLBACK"):
        transfer = call(app, "transfer", 1, 2, 30)["id"]
        with database.connect("wallet_app") as first, database.connect("wallet_app") as second:
            first.execute("BEGIN")
            call(first, "reverse", transfer)
            with background(answer, second, "reverse", transfer) as waiter:
                wait_until_blocked(admin, second, first)
                first.execute(end)
                # Account 2 is empty by then, and what comes first is said all the same.
                assert (waiter.result() == "WL009") == (end == "COMMIT")
        assert list(links(admin).values())[-1] == transfer
        assert balances(admin) == {1: "100.00", 2: "0.00"}
    assert_sound(admin)
