"""Who asked: each transaction says it, in any state. An idempotency key belongs to its actor."""

from __future__ import annotations

import pytest

from tests.sql.test_idempotency import OPERATIONS
from tests.support.calls import (
    Connection,
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


def actors(admin: Connection) -> list[str]:
    """Who asked for what there is, in the order of ids, without the deposits of `accounts`."""
    now = ledger(admin)
    everything = [*now.transactions, *now.pending, *now.failed]
    return [row["actor"] for row in sorted(everything, key=lambda row: row["id"])][4:]


def test_each_operation_keeps_who_asked_with_and_without_a_key(admin: Connection) -> None:
    for function, arguments in OPERATIONS[1:]:  # Opening an account makes no transaction.
        for key in (None, "k"):
            for actor, kept in (("shop", "shop"), (None, "postgres")):
                with admin.transaction(force_rollback=True):
                    result = keyed(admin, function, *arguments, key, actor)
                    made = result["results"] or [result["transaction"]]
                    assert {one["actor"] for one in made} == {kept}, (function, key)
                    assert set(actors(admin)) == {kept}, (function, key)
                    if key:
                        again = keyed(admin, function, *arguments, key, actor)
                        assert is_replay(result, again), function


def test_a_queued_transfer_keeps_its_asker_whatever_becomes_of_it(
    app: Connection, admin: Connection
) -> None:
    for amount, actor in ((1, "a"), (999, "b"), (2, None), (3, "d"), (4, "e")):
        keyed(app, "enqueue_transfer", 1, 2, amount, None, actor)
    call(admin, "cancel_pending", 8, "ops")
    before = actors(admin)
    call(admin, "process_pending", 3)  # One fails.
    admin.execute(
        "CREATE FUNCTION public.fail() RETURNS trigger LANGUAGE plpgsql "
        "AS $$ BEGIN RAISE EXCEPTION 'no'; END $$; "
        "CREATE TRIGGER fail BEFORE INSERT ON wallet.transaction EXECUTE FUNCTION public.fail()"
    )
    call(app, "set_aside_pending")
    admin.execute("DROP FUNCTION public.fail() CASCADE")
    states = [call(app, "get_transfer_result", id)["state"] for id in range(5, 10)]
    assert states == ["succeeded", "failed", "succeeded", "failed", "failed"]
    assert actors(admin) == before == ["a", "b", "wallet_app", "d", "e"]


def test_a_key_of_another_actor_is_another_key(app: Connection, admin: Connection) -> None:
    for function, arguments in OPERATIONS:
        if function == "reverse":
            continue  # Whoever asks, it is done once.
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
