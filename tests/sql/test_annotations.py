"""References and metadata: kept with what was made, once, and found again."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from psycopg.types.json import Jsonb

from tests.support.calls import (
    Connection,
    answer,
    call,
    is_replay,
    keyed,
    ledger,
    open_accounts,
    refusal,
    rows,
    run_group,
    value,
)

WORDS = {"reference": "order 17 · ü", "metadata": {"shop": 3, "lines": [1.50, "é"]}}
GIVEN = (WORDS["reference"], Jsonb(WORDS["metadata"]))
# Each full form with its arguments up to the key; what it needs was made by `made`.
OPERATIONS: tuple[tuple[str, tuple[object, ...]], ...] = (
    ("deposit", (1, 5)),
    ("withdraw", (1, 5)),
    ("transfer", (1, 2, 5)),
    ("reverse", (3,)),
    ("capture", (1, 1, 2, False)),
    ("enqueue_transfer", (1, 2, 5)),
    ("transfer_or_enqueue", (1, 2, 5, 0)),
)


@pytest.fixture(autouse=True)
def made(app: Connection) -> None:
    """Accounts 1 and 2, transactions 1 to 4, and hold 1."""
    open_accounts(app, "100", "50")
    call(app, "transfer", 1, 2, 1)
    call(app, "transfer", 1, 2, 1)
    call(app, "hold", 1, 10)


def find(connection: Connection, **conditions: object) -> list[dict[str, Any]]:
    names = ", ".join(f"{name} => %s" for name in conditions)
    return rows(
        connection, f"SELECT * FROM wallet.find_transactions({names})", *conditions.values()
    )


def found(connection: Connection, **conditions: object) -> list[int]:
    return [row["id"] for row in find(connection, **conditions)]


def test_each_operation_keeps_who_asked_and_what_was_said_once_and_a_key_remembers_it(
    app: Connection, admin: Connection
) -> None:
    for key, actor, kept in ((None, None, "wallet_app"), ("k", "shop", "shop"), ("k", None, None)):
        for function, arguments in OPERATIONS:
            with app.transaction(force_rollback=True):
                first = keyed(app, function, *arguments, key, actor, *GIVEN)
                assert first["sqlstate"] is None, function
                (row,) = find(app, reference=WORDS["reference"])
                assert {name: row[name] for name in WORDS} == WORDS, function
                made = first["transaction"] or first["results"][0]
                assert (row["id"], row["actor"]) == (made["id"], kept or "wallet_app"), function
                assert made["actor"] == row["actor"], function
                if key:
                    again = keyed(app, function, *arguments, key, actor, *GIVEN)
                    assert is_replay(first, again), function
                    assert found(app, reference=WORDS["reference"]) == [row["id"]], function
                    for other in (("order 18", GIVEN[1]), (GIVEN[0], None), ()):
                        with app.transaction(force_rollback=True):
                            asked = (*arguments, key, actor, *other)
                            assert refusal(app, function, *asked).sqlstate == "WL011", function
    assert ledger(admin).transaction_annotations == []


def test_what_is_refused_keeps_nothing(app: Connection, admin: Connection) -> None:
    for key in (None, "k"):
        assert keyed(app, "transfer", 1, 2, 500, key, None, *GIVEN)["sqlstate"] == "WL006"
        words = (["a", "b"], [GIVEN[1]] * 2)
        batch: tuple[object, ...] = (["(1,2,5)", "(1,2,500)"], True, key and "b", "shop", *words)
        results = keyed(app, "transfer_batch", *batch)["results"]
        assert [row["sqlstate"] for row in results] == ["WL013", "WL006"]
    assert ledger(admin).transaction_annotations == []
    # Of a batch that is not atomic, what succeeded keeps its own.
    for key in (None, "j"):
        batch = (["(1,2,500)", "(1,2,5)", "(2,1,5)"], False, key, "shop", ["a", "b", None], None)
        results = keyed(app, "transfer_batch", *batch)["results"]
        assert {row["actor"] for row in results} == {"shop"}
        found_now = find(app, reference="a"), find(app, reference="b")[0]
        assert (found_now[0], found_now[1]["id"]) == ([], results[1]["id"])
        assert found_now[1]["actor"] == "shop"
        assert key is None or keyed(app, "transfer_batch", *batch)["replayed"]
    assert len(ledger(admin).transaction_annotations) == 2


def test_in_a_group_each_request_keeps_its_own(app: Connection, admin: Connection) -> None:
    metadata = '"{""shop"": 3}"'
    requests = [
        "(deposit,,1,1,,,first,)",
        "(transfer,1,2,500,k-1,,refused,)",
        f"(transfer,1,2,1,k-2,,second,{metadata})",
        f"(transfer,1,2,1,k-2,,second,{metadata})",
        "(transfer,1,2,1,k-2,,third,)",
        "(withdraw,1,,1,,,,)",
    ]
    results = rows(
        app,
        "SELECT g.replayed, (g.transaction).id, (g.refusal).sqlstate "
        "FROM wallet.run_group(%s::text[]::wallet.group_request[]) g",
        requests,
    )
    assert [row["sqlstate"] for row in results] == [None, "WL006", None, None, "WL011", None]
    kept = [tuple(row.values()) for row in ledger(admin).transaction_annotations]
    assert sorted(kept, key=lambda row: str(row[1])) == [
        (results[0]["id"], "first", None),
        (results[2]["id"], "second", {"shop": 3}),
    ]
    # Alone it is the same request under the same key.
    assert keyed(app, "transfer", 1, 2, 1, "k-2", None, "second", Jsonb({"shop": 3}))["replayed"]
    assert run_group(app, [("transfer", 1, 2, 1, "k-2")])[0]["sqlstate"] == "WL011"


def test_a_queued_transfer_keeps_who_asked_and_what_was_said_in_each_state(
    app: Connection, admin: Connection
) -> None:
    asked = ((1, 2, 5, "a"), (1, 2, 500, "b"), (2, 1, 1, "c"), (1, 2, 2, None), (2, 1, 3, "e"))
    for *request, actor in asked:
        keyed(app, "enqueue_transfer", *request, None, actor, *GIVEN)
    call(admin, "cancel_pending", 7, "ops")

    def states() -> list[str]:
        now = find(app, reference=GIVEN[0])
        assert [(row["id"], row["actor"]) for row in now] == [
            *((9, "e"), (8, "wallet_app"), (7, "c"), (6, "b"), (5, "a"))
        ]
        return [row["state"] for row in now]

    assert states() == ["pending", "pending", "failed", "pending", "pending"]
    call(admin, "process_pending", 3)
    admin.execute(
        "CREATE FUNCTION public.fail() RETURNS trigger LANGUAGE plpgsql "
        "AS $$ BEGIN RAISE EXCEPTION 'no'; END $$"
    )
    admin.execute(
        "CREATE TRIGGER fail BEFORE INSERT ON wallet.transaction EXECUTE FUNCTION public.fail()"
    )
    call(app, "set_aside_pending")
    admin.execute("DROP FUNCTION public.fail() CASCADE")
    assert states() == ["failed", "succeeded", "failed", "failed", "succeeded"]
    assert found(app, reference=GIVEN[0], account_id=1, page_size=2) == [9, 8]
    assert len(ledger(admin).transaction_annotations) == 5


def test_an_account_s_last_annotation_is_in_force(app: Connection, admin: Connection) -> None:
    opened = keyed(app, "create_account", "ada@example.com", "k", None, *GIVEN)
    again = keyed(app, "create_account", "ada@example.com", "k", None, *GIVEN)
    assert again == {**opened, "replayed": True}
    id = opened["account"]["id"]
    for reference, metadata in ((GIVEN[0], GIVEN[1]), ("new", None), (None, None), ("new", None)):
        for _ in range(2):  # Said again, it changes nothing.
            account = call(app, "annotate_account", id, reference, metadata, "shop")
            assert account == call(app, "get_account", id)
        now = call(app, "get_annotation", id)
        assert (now["reference"], now["metadata"]) == (reference, metadata and WORDS["metadata"])
        for name in (GIVEN[0], "new"):
            assert [row["id"] for row in rows(app, "find_accounts", None, None, 9, name)] == (
                [id] if name == reference else []
            )
    kept = ledger(admin).account_annotations
    assert [row["actor"] for row in kept] == ["wallet_app", *["shop"] * 3]
    call(app, "annotate_account", 1, "new", None)
    for conditions, ids in (
        ((None, None, 50, "new"), [1, id]),
        ((None, 1, 50, "new"), [id]),
        ((None, None, 1, "new"), [1]),
        (("ADA@example.com", None, 50, "new"), [1, id]),
        (("bob@example.com", None, 50, "new"), []),
        ((None, None, 50, None), []),
    ):
        assert [row["id"] for row in rows(app, "find_accounts", *conditions)] == ids, conditions
    assert answer(app, "annotate_account", 77, "new", None) == "WL004"
    overview = call(admin, "SELECT * FROM wallet.account_overview WHERE id = %s", id)
    assert (overview["reference"], overview["metadata"]) == ("new", None)


def test_what_cannot_be_kept_is_refused_and_nothing_is_done(
    app: Connection, admin: Connection
) -> None:
    assert call(app, "annotate_account", 1, "x" * 255, Jsonb({"a": "é" * 2043}))
    before = ledger(admin)
    for reference in ("", "x" * 256, "a\nb", "\u2028", "\x7f"):
        assert refusal(app, "annotate_account", 1, reference, None).sqlstate == "22023"
        wrong = (1, 2, 5, "k", None, reference)
        assert refusal(app, "transfer", *wrong).message_primary == "invalid reference"
    for metadata in (["a"], 1, "a", {"a": "é" * 2044}):
        diagnostic = refusal(app, "transfer", 1, 2, 5, None, None, None, Jsonb(metadata))
        assert (diagnostic.sqlstate, diagnostic.message_primary) == ("22023", "invalid metadata")
    batch = "SELECT wallet.transfer_batch('{}', true, NULL, NULL, '{a,\"\"}')"
    assert refusal(app, batch).sqlstate == "22023"
    assert ledger(admin) == before


def test_transactions_are_found_the_newest_first_in_pages(
    app: Connection, admin: Connection
) -> None:
    """Along an account by its entries, whose order the id of a queued transfer is not in."""
    queued = keyed(app, "enqueue_transfer", 2, 1, 1, None, None, "late")["results"][0]["id"]
    open_accounts(app, "7")
    call(app, "process_pending", 1)
    begin = value(app, "SELECT min(ctime) FROM wallet.find_transactions()")
    with admin.transaction():
        admin.execute("SET LOCAL wallet.change_history = on")
        for hours, id in enumerate((1, 2, 3, 4, 6, 5)):
            moment = begin + timedelta(hours=hours)
            admin.execute("UPDATE wallet.transaction SET ctime = %s WHERE id = %s", (moment, id))
    every = [6, 5, 4, 3, 2, 1]
    cases: list[tuple[dict[str, object], list[int]]] = [
        ({}, every),
        ({"account_id": 1}, [5, 4, 3, 1]),
        ({"account_id": 2}, [5, 4, 3, 2]),
        ({"account_id": 3}, [6]),
        ({"reference": "late"}, [queued]),
        ({"reference": "late", "account_id": 2}, [queued]),
        ({"reference": "late", "account_id": 3}, []),
        ({"reference": "Late"}, []),
    ]
    hour = {id: hours for hours, id in enumerate((1, 2, 3, 4, 6, 5))}
    for conditions, ids in cases:
        assert found(app, **conditions) == ids, conditions
        for size in (1, 2, 3):
            pages: list[int] = []
            while page := found(
                app, **conditions, page_size=size, **({"before": pages[-1]} if pages else {})
            ):
                assert len(page) <= size
                pages += page
            assert pages == ids, (conditions, size)
        for low, high in ((1, 3), (0, 6), (2, 2), (5, 6)) if conditions else ():
            since = {"from_time": begin + timedelta(hours=low)}
            until = {"to_time": begin + timedelta(hours=high)}
            assert found(app, **conditions, **since, **until) == [
                id for id in ids if low <= hour[id] < high
            ], (conditions, low, high)
            assert found(app, **conditions, **since) == [id for id in ids if low <= hour[id]]
    assert answer(app, "find_transactions", None, 77) == "WL004"
    assert answer(app, "find_transactions", None, 3, None, None, 1) == "WL005"
    for wrong in ((None, None, begin), (None, None, None, begin), (None, 1, None, None, None, 0)):
        assert refusal(app, "find_transactions", *wrong).sqlstate == "22023"
