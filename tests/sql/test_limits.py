"""An account's own limits: a credit line, money that stays, and how much there may be."""

from __future__ import annotations

from tests.support.calls import Connection, answer, call, ledger, open_accounts, refusal, rows
from tests.support.databases import assert_sound


def limits(app: Connection, id: int = 1) -> str:
    row = call(app, "get_account", id)
    return f"{row['minimum']} {row['maximum']}"


def test_an_account_moves_within_its_own_limits_by_every_way(
    app: Connection, admin: Connection
) -> None:
    open_accounts(app, "10", "50")
    assert limits(app) == "0.00 999999.99"
    call(app, "set_limits", 1, "-50.004", None)
    call(app, "set_limits", 2, 20, "70.005", "ops")
    assert (limits(app), limits(app, 2)) == ("-50.00 999999.99", "20.00 70.01")
    low = (
        "Account 1 holds 10.00, of which 0.00 is held, and may fall to -50.00: "
        "60.00 is available, which is less than 60.01."
    )
    high = "Account 2 holds 50.00; with 20.02 more it would pass 70.01."
    for function, arguments, sqlstate, detail in (
        ("withdraw", (1, "60.01"), "WL006", low),
        ("hold", (1, "60.01"), "WL006", low),
        ("deposit", (2, "20.02"), "WL007", high),
        ("transfer", (1, 2, "20.02"), "WL007", high),
    ):
        said = refusal(app, function, *arguments)
        assert (said.sqlstate, said.message_detail) == (sqlstate, detail), function
    (batch,) = rows(app, "transfer_batch", ["(1,2,20.02)"], False)
    assert batch["detail"] == high
    assert refusal(app, "deposit", 2, "20.02").message_hint == "Move at most 20.01 to this account."
    assert answer(app, "withdraw", 2, "30.01") == "WL006", "money that stays"
    moved = rows(app, "transfer_batch", ["(1,2,20.01)", "(2,1,0.01)"], True)
    assert str(moved[0]["source_balance"]) == "-10.01"
    # An overdrawn account takes back what it paid, and pays back what it got.
    call(app, "reverse", moved[0]["id"])
    call(app, "withdraw", 1, "60.01")
    assert answer(app, "reverse", 1) == "WL006"
    assert str(call(app, "deposit", 1, 1)["target_balance"]) == "-49.00"
    assert_sound(admin)


def test_limits_against_the_present_state_or_out_of_range_are_refused(
    app: Connection, admin: Connection
) -> None:
    open_accounts(app, "100")
    call(app, "hold", 1, 30)
    before = ledger(admin)
    beyond = "Account 1 holds 100.00, of which 30.00 is held: it is not within {} and {}."
    for minimum, maximum, detail in (
        ("70.01", None, beyond.format("70.01", "999999.99")),
        (None, "99.99", beyond.format("0.00", "99.99")),
        (200, 150, beyond.format("200.00", "150.00")),
    ):
        said = refusal(app, "set_limits", 1, minimum, maximum)
        assert (said.sqlstate, said.message_detail) == ("WL019", detail)
    for wrong in ("NaN", "Infinity", "-Infinity", "1000000", "999999.995", "-999999.995"):
        assert answer(app, "set_limits", 1, wrong, None) == "WL002", wrong
        assert answer(app, "set_limits", 1, None, wrong) == "WL002", wrong
    assert answer(app, "set_limits", 77, 0, None) == "WL004"
    call(app, "set_limits", 1, None, None)
    call(app, "set_limits", 1, 0, "999999.99")
    assert ledger(admin) == before, "what changes nothing is not kept"
    call(app, "set_limits", 1, 70, 100)
    assert limits(app) == "70.00 100.00"
    call(app, "set_limits", 1, "-999999.994", None)
    call(app, "capture", 1)
    assert_sound(admin)


def test_a_change_is_kept_with_who_asked_for_it_and_an_audit_knows_what_was_in_force(
    app: Connection, admin: Connection, reader: Connection
) -> None:
    """Entries beyond limits that were narrowed later are right."""
    open_accounts(app, "100", "0")
    call(app, "set_limits", 1, -50, None, "ops")
    call(app, "withdraw", 1, 140)
    call(app, "deposit", 1, 50)
    call(app, "set_limits", 1, 0, None)
    call(app, "set_limits", 1, 5, 500)
    kept = rows(reader, "SELECT * FROM wallet.limit_change ORDER BY id")
    assert [
        (row["account_id"], row["entry"], str(row["minimum"]), str(row["maximum"]), row["actor"])
        for row in kept
    ] == [
        (1, 1, "-50.00", "999999.99", "ops"),
        (1, 3, "0.00", "999999.99", "wallet_app"),
        (1, 3, "5.00", "500.00", "wallet_app"),
    ]
    assert_sound(admin)


def test_more_may_be_held_than_an_account_may_have(app: Connection, admin: Connection) -> None:
    open_accounts(app, "999999.99")
    call(app, "set_limits", 1, "-999999.99", None)
    for _ in "12":
        call(app, "hold", 1, "999999.99")
    assert answer(app, "hold", 1, "0.01") == "WL006"
    for id in (1, 2):
        call(app, "capture", id)
    assert str(call(app, "get_account", 1)["balance"]) == "-999999.99"
    assert_sound(admin)
