"""An idempotency key belongs to its actor, and what is done is logged under the actor's name."""

from __future__ import annotations

import pytest

from tests.sql.test_idempotency import ONCE, OPERATIONS
from tests.support.calls import (
    Connection,
    answer,
    call,
    is_replay,
    keyed,
    ledger,
    open_accounts,
    rows,
    run_group,
)
from tests.support.databases import Database, assert_sound


@pytest.fixture(autouse=True)
def accounts(app: Connection) -> None:
    open_accounts(app, "100", "50", "999999.99", "70")
    call(app, "hold", 1, 20)


def test_a_key_of_another_actor_is_another_key(app: Connection, admin: Connection) -> None:
    for function, arguments in OPERATIONS:
        if function in ONCE:
            continue  # Whoever asks.
        first = keyed(app, function, *arguments, function, "a")
        # Without an actor, it is the role's.
        others = [keyed(app, function, *arguments, function, actor) for actor in ("b", None)]
        assert [other["replayed"] for other in others] == [False, False], function
        assert is_replay(first, keyed(app, function, *arguments, function, "a")), function
        assert is_replay(others[1], keyed(app, function, *arguments, function, "wallet_app"))
    assert [row["actor"] for row in ledger(admin).keys if row["key"] == "deposit"] == [
        *("a", "b", "wallet_app")
    ]
    made = keyed(app, "deposit", 1, 1, "k", "a")
    assert keyed(app, "withdraw", 1, "999999.99", "k", "b")["sqlstate"] == "WL006"
    assert is_replay(made, keyed(app, "deposit", 1, 1, "k", "a"))
    assert_sound(admin)


def test_in_a_group_too(app: Connection, admin: Connection) -> None:
    keyed(app, "deposit", 1, 1, "k-1", "a")
    deposit = ("deposit", None, 1)
    requests = [
        (*deposit, 1, "k-1"),
        (*deposit, 2, "k-2"),
        (*deposit, 2, "k-2"),
        (*deposit, 1, "k"),
    ]
    for actor, expected in (
        ("a", [(True, None), (False, None), (True, None), (False, None)]),
        ("b", [(False, None), (False, None), (True, None), (False, None)]),
        ("b", [(True, None)] * 4),
        ("", [(False, None), (False, None), (True, None), (False, None)]),
    ):
        results = run_group(app, requests, actor=actor)
        assert [(one["replayed"], one["sqlstate"]) for one in results] == expected, actor
        assert {one["transaction"]["actor"] for one in results} == {actor or "wallet_app"}
    # Several actors in one group: the same key is each one's own.
    mixed = [f"(deposit,,1,{rest},,)" for rest in ("1,k-3,b", "1,k-3,a", "2,k-3,b", "1,,")]
    found = rows(
        app,
        "SELECT (g.transaction).actor, (g.refusal).sqlstate "
        "FROM wallet.run_group(%s::wallet.group_request[]) g",
        mixed,
    )
    assert [tuple(row.values()) for row in found] == [
        *(("b", None), ("a", None), (None, "WL011"), ("wallet_app", None))
    ]
    assert_sound(admin)


def test_what_a_group_leaves_out_frees_no_other_actors_key(
    database: Database, app: Connection, admin: Connection
) -> None:
    """A locked account's request gives its key back; the same key of another actor is done."""
    group = ["(deposit,,2,1,k,a,,)", "(deposit,,1,1,k,b,,)", "(deposit,,1,1,k,b,,)"]
    with database.connect() as holder, holder.transaction():
        holder.execute("SELECT FROM wallet.account WHERE id = 2 FOR NO KEY UPDATE")
        found = rows(
            app,
            "SELECT g.replayed, (g.transaction).actor, g.locked_account_id "
            "FROM wallet.run_group(%s::wallet.group_request[], 1) g",
            group,
        )
    assert [tuple(row.values()) for row in found] == [
        *((False, None, 2), (False, "b", None), (True, "b", None))
    ]
    assert [(row["actor"], row["key"]) for row in ledger(admin).keys] == [("b", "k")]


def test_what_is_done_is_logged_once_with_who_asked_for_it(
    app: Connection, admin: Connection, reader: Connection
) -> None:
    """Who changed an email, but never to which."""
    (id,) = open_accounts(app, "0")
    queued = [call(app, "enqueue_transfer", id, *open_accounts(app, "0"), 5)["id"] for _ in "12"]
    account = call(app, "get_account", id)
    for _ in "12":  # The second time changes nothing.
        assert call(app, "freeze_account", id) == {**account, "frozen": True}
    for _ in "12":
        assert call(admin, "unfreeze_account", id, "ops") == account
    call(admin, "set_email", id, "secret@example.org", "ops")
    call(admin, "cancel_pending", queued[0], "ops")
    call(admin, "cancel_pending", queued[1])
    before = ledger(admin).events
    for refused in (
        ("cancel_pending", queued[0]),
        ("freeze_account", 77),
        ("set_email", 77, "a@b"),
    ):
        assert str(answer(admin, *refused)).startswith("WL"), refused
    assert ledger(admin).events == before
    columns = "actor, event, account_id, transaction_id, detail"
    logged = rows(reader, f"SELECT {columns} FROM wallet.event_log ORDER BY id")
    assert [tuple(row.values()) for row in logged] == [
        ("wallet_app", "freeze_account", id, None, None),
        ("ops", "unfreeze_account", id, None, None),
        ("ops", "set_email", id, None, None),
        ("ops", "cancel_pending", None, queued[0], None),
        ("postgres", "cancel_pending", None, queued[1], None),
    ]
    assert "example" not in str(before)


def test_an_actor_is_1_to_63_printable_characters(admin: Connection) -> None:
    for actor in ("", "a" * 64, "a\nb", "a\u0085b", "a\u2028b"):
        assert answer(admin, "freeze_account", 1, actor) == "23514"
    assert call(admin, "freeze_account", 1, "Ä" * 63)["frozen"]
