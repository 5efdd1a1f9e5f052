"""A hold reserves money: nothing else can move it, and it is captured, released or expires."""

from __future__ import annotations

from tests.support.calls import (
    Connection,
    answer,
    call,
    keyed,
    ledger,
    open_accounts,
    refusal,
    rows,
    run_group,
    value,
)
from tests.support.databases import assert_sound
from tests.support.model import CODES

DUE = "UPDATE wallet.hold SET ctime = now() - interval '8 days', expires_at = now() WHERE id = %s"


def held(admin: Connection, id: int = 1) -> str:
    """What an account holds, and how much of it is held."""
    row = call(admin, "SELECT balance, held FROM wallet.account WHERE id = %s", id)
    return f"{row['balance']} {row['held']}"


def hold(app: Connection, amount: int | str = 60, expires_in: str = "7 days") -> int:
    return int(call(app, "SELECT * FROM wallet.hold(1, %s, %s)", amount, expires_in)["id"])


def state(app: Connection, id: int) -> str:
    row = call(app, "get_hold", id)
    return f"{row['state']} {row['captured']}"


def test_what_is_held_cannot_be_moved_or_held_again_by_any_way(
    app: Connection, admin: Connection
) -> None:
    open_accounts(app, "100", "0")
    made = call(app, "hold", 1, "59.995")
    assert str(made["amount"]) == "60.00"
    assert (made["account_id"], made["state"], made["actor"]) == (1, "held", "wallet_app")
    assert (made["expires_at"] - made["ctime"]).days == 7
    assert held(admin) == "100.00 60.00"
    queued = call(app, "enqueue_transfer", 1, 2, "40.01")["id"]
    before = ledger(admin)
    detail = (
        "Account 1 holds 100.00, of which 60.00 is held, and may fall to 0.00: "
        "40.00 is available, which is less than 40.01."
    )
    for function, *arguments in (("transfer", 1, 2), ("withdraw", 1), ("hold", 1)):
        said = refusal(app, function, *arguments, "40.01")
        assert (said.sqlstate, said.message_detail) == ("WL006", detail), function
    (group,) = run_group(app, [("transfer", 1, 2, "40.01", None)])
    (batch,) = rows(app, "transfer_batch", ["(1,2,40.01)"], False)
    assert (group["detail"], batch["detail"]) == (detail, detail)
    with app.transaction():  # What came in by a deposit cannot be taken back either.
        assert ledger(admin) == before
    call(app, "process_pending", 10)
    failed = call(app, "get_transfer_result", queued)
    assert (failed["state"], failed["detail"]) == ("failed", detail)
    assert answer(app, "reverse", 1) == "WL006"
    call(app, "transfer", 1, 2, 40)
    assert str(value(app, "balance_at", 1, "tomorrow")) == "60.00", "a hold is no entry"
    assert [line["kind"] for line in rows(app, "get_statement", 1)] == ["transfer_out", "deposit"]
    assert_sound(admin)


def test_a_hold_is_captured_in_parts_and_closed_by_the_last_one(
    app: Connection, admin: Connection
) -> None:
    open_accounts(app, "100", "0", "0")
    id = hold(app)
    part = call(app, "capture", id, "10.00", 2)
    assert (part["source_account_id"], part["target_account_id"]) == (1, 2)
    assert (state(app, id), held(admin)) == ("held 10.00", "90.00 50.00")
    outside = keyed(app, "capture", id, 20, None, False, "k", "shop")["transaction"]
    assert (outside["target_account_id"], outside["actor"]) == (None, "shop")
    assert refusal(app, "capture", id, "30.01", 3, True).sqlstate == "WL018"
    # The rest of a final capture is free again.
    call(app, "capture", id, 5, 3, True)
    assert (state(app, id), held(admin)) == ("captured 35.00", "65.00 0.00")
    made = keyed(app, "hold", 1, 65, "1 day", "h", "shop")["hold"]
    assert made["actor"] == "shop"
    whole = made["id"]
    assert str(call(app, "capture", whole, None, 2)["amount"]) == "65.00"
    assert (state(app, whole), held(admin)) == ("captured 65.00", "0.00 0.00")
    # It is an ordinary transaction: it can be reversed, and the hold stays closed.
    call(app, "reverse", part["id"])
    assert (state(app, id), held(admin)) == ("captured 35.00", "10.00 0.00")
    assert len(ledger(admin).captures) == 4
    released = hold(app, 10)
    call(app, "capture", released, 4)
    assert call(app, "release", released)["state"] == "released"
    assert (state(app, released), held(admin)) == ("released 4.00", "6.00 0.00")
    assert_sound(admin)


def test_refusals_of_a_capture_come_in_the_contracts_order_and_leave_the_hold(
    app: Connection, admin: Connection
) -> None:
    """Each call lacks one thing less than the call before."""
    open_accounts(app, "100", "999999.99")
    id, closed = hold(app, 60), hold(app, 10)
    call(app, "release", closed)
    for account in (1, 2):
        call(admin, "freeze_account", account)
    before = ledger(admin)
    for arguments, sqlstate, detail in (
        ((99, "NaN", 1), "WL002", "The amount is NaN."),
        ((99, "0.004", 1), "WL002", "The amount is 0.004."),
        ((99, 70, 1), "WL016", "There is no hold 99."),
        ((None, 70, 1), "WL016", "There is no hold NULL."),
        ((closed, 70, 1), "WL003", "Source and target are both account 1."),
        ((closed, 70, 77), "WL004", "There is no account 77."),
        ((closed, 70, 2), "WL017", f"Hold {closed} is released."),
        ((id, "60.01", 2), "WL018", f"Hold {id} has 60.00 left, which is less than 60.01."),
        (
            *((id, None, 2), "WL007"),
            "Account 2 holds 999999.99; with 60.00 more it would pass 999999.99.",
        ),
        ((id, None, None), "WL008", "Account 1 takes no part in new transactions."),
    ):
        said = refusal(app, "capture", *arguments)
        assert (said.sqlstate, said.message_detail) == (sqlstate, detail), arguments
        assert said.message_primary == CODES[sqlstate].replace("_", " ")
    for function, given, sqlstate in (
        ("hold", (1, 0), "WL002"),
        ("hold", (77, 5), "WL004"),
        ("hold", (None, 5), "WL004"),
        ("hold", (1, "40.01"), "WL006"),
        ("hold", (1, 5), "WL008"),
        ("release", (99,), "WL016"),
        ("release", (closed,), "WL017"),
        ("get_hold", (99,), "WL016"),
        ("get_holds", (77,), "WL004"),
        ("get_holds", (1, None, 0), "22023"),
        ("expire_holds", (0,), "22023"),
        ("expire_holds", (None,), "22023"),
    ):
        assert answer(app, function, *given) == sqlstate, (function, given)
    for expires_in in (
        None,
        "0",
        "-1 second",
        "366 days 1 second",
        "1 year 6 days",
        "200000 years",
    ):
        assert answer(app, "SELECT * FROM wallet.hold(1, 5, %s)", expires_in) == "22023"
    assert ledger(admin) == before
    # What is frozen can still be released.
    call(app, "release", id)
    assert held(admin) == "100.00 0.00"


def test_a_due_hold_is_closed_at_once_and_its_money_is_free_when_the_sweep_has_run(
    app: Connection, admin: Connection
) -> None:
    open_accounts(app, "100", "0")
    due, later = hold(app, 60), hold(app, 10, "366 days")
    assert value(app, "expire_holds", 10) == 0, "none before it is due"
    call(app, "capture", due, 10)
    admin.execute(DUE, [due])
    for function in ("capture", "release"):
        said = refusal(app, function, due)
        assert (said.sqlstate, said.message_detail) == ("WL017", f"Hold {due} is expired.")
    assert (state(app, due), held(admin)) == ("held 10.00", "90.00 60.00")
    call(admin, "freeze_account", 1)  # Expiry goes through.
    assert [value(app, "expire_holds", 10) for _ in "12"] == [1, 0]
    assert (state(app, due), held(admin)) == ("expired 10.00", "90.00 10.00")
    assert [row["id"] for row in rows(app, "get_holds", 1)] == [later, due]
    assert [row["id"] for row in rows(app, "get_holds", 1, later, 1)] == [due]
    assert_sound(admin)


def test_nothing_is_dated_before_the_accounts_last_entry_when_the_clock_was_set_back(
    app: Connection, admin: Connection
) -> None:
    open_accounts(app, "100")
    ahead = "UPDATE wallet.{} SET {} = %s"
    tomorrow = value(admin, "SELECT now() + interval '1 day'")
    with admin.transaction():
        admin.execute("SET LOCAL wallet.change_history = on")
        admin.execute(ahead.format("account", "mtime"), [tomorrow])
        admin.execute(ahead.format("transaction", "ctime"), [tomorrow])
    mtime = call(app, "get_account", 1)["mtime"]
    made = call(app, "hold", 1, 5)
    assert made["ctime"] == mtime
    assert value(app, "expire_holds", 10) == 0
    assert call(app, "capture", made["id"])["ctime"] == mtime
    call(app, "set_limits", 1, -5, None)
    assert ledger(admin).limits[-1]["ctime"] == mtime
    assert_sound(admin)
