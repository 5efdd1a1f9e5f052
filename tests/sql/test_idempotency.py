"""A request with a key is done once: a second call with the key gets the first result again."""

from __future__ import annotations

from hashlib import sha256
from typing import Any

import pytest

from tests.support.calls import (
    Connection,
    batch,
    call,
    is_replay,
    keyed,
    ledger,
    open_accounts,
    refusal,
    rows,
    value,
)
from tests.support.databases import assert_sound

Operation = tuple[str, tuple[object, ...]]

BATCH = batch([(1, 2, "5.005"), (2, 1, 500), (1, 77, 1), (2, 1, "NaN")])
# `accounts` opens four, which hold 100.00, 50.00, 999999.99 and 70.00 by the transactions 1 to 4;
# transaction 6 has reversed transaction 5, account 4 is frozen, and hold 1 has 20.00 of account 1.
OPERATIONS: list[Operation] = [
    ("create_account", ("Ada@example.com",)),
    ("deposit", (1, "5.005")),
    ("withdraw", (1, "5.005")),
    ("transfer", (1, 2, "5.005")),
    ("reverse", (2,)),
    ("transfer_batch", (BATCH, False)),
    ("enqueue_transfer", (1, 2, "5.005")),
    ("transfer_or_enqueue", (1, 2, "5.005", "0.5")),
    ("hold", (1, "5.005", "1 hour")),
    ("capture", (1, "5.005", 2, False)),
    ("release", (1,)),
]
# What succeeds once, and what is said the second time.
ONCE = {"reverse": "WL009", "release": "WL017"}
REFUSED: list[tuple[str, tuple[object, ...], str]] = [
    ("deposit", (77, 1), "WL004"),
    ("transfer", (None, 2, 1), "WL004"),
    ("enqueue_transfer", (1, 77, 1), "WL004"),
    ("reverse", (77,), "WL005"),
    ("withdraw", (1, "100.01"), "WL006"),
    ("transfer", (1, 2, "100.01"), "WL006"),
    ("transfer_or_enqueue", (1, 2, "100.01", 0), "WL006"),
    ("deposit", (3, "0.01"), "WL007"),
    ("deposit", (4, 1), "WL008"),
    ("reverse", (5,), "WL009"),
    ("reverse", (6,), "WL010"),
    ("hold", (77, 1, "1 hour"), "WL004"),
    ("capture", (77, None, None, False), "WL016"),
    ("release", (77,), "WL016"),
    ("capture", (1, "20.01", None, False), "WL018"),
]
# What is wrong with the arguments.
INVALID: list[tuple[str, tuple[object, ...], str]] = [
    ("create_account", ("ada",), "WL001"),
    ("create_account", (None,), "WL001"),
    ("deposit", (1, "0.004"), "WL002"),
    ("deposit", (1, None), "WL002"),
    ("deposit", (1, "NaN"), "WL002"),
    ("deposit", (1, "-Infinity"), "WL002"),
    ("deposit", (1, "1e131071"), "WL002"),
    ("withdraw", (1, "1e-16383"), "WL002"),
    ("transfer", (1, 2, 0), "WL002"),
    ("enqueue_transfer", (1, 2, 0), "WL002"),
    ("transfer_or_enqueue", (1, 2, "NaN", 0), "WL002"),
    ("transfer", (1, 1, 1), "WL003"),
    ("enqueue_transfer", (1, 1, 5), "WL003"),
    ("transfer_or_enqueue", (1, 1, 5, 0), "WL003"),
    ("transfer_batch", (batch([(1, 2, "0.01")] * 10_001), True), "WL012"),
    ("transfer_or_enqueue", (1, 2, 5, -1), "22023"),
    ("transfer_or_enqueue", (1, 2, 5, None), "22023"),
]
# For each: a first request, the same again in other words, and others that are not the same.
SAME: list[tuple[Operation, list[Operation], list[Operation]]] = [
    (
        ("transfer", (1, 2, 5)),
        [("transfer", (1, 2, amount)) for amount in ("5.0", "5.000000", "0.5e1")],
        [
            *[
                ("transfer", given)
                for given in ((1, 2, "5.01"), (2, 1, 5), (1, 3, 5), (None, 2, 5))
            ],
            *[("deposit", (1, 5)), ("withdraw", (1, 5)), ("reverse", (1,))],
            *[("enqueue_transfer", (1, 2, 5)), ("transfer_or_enqueue", (1, 2, 5, 0))],
            *[("transfer_batch", (["(1,2,5)"], True)), ("create_account", ("ada@example.com",))],
            ("transfer", (1, 1, 0)),  # Another request comes before what is wrong with it.
        ],
    ),
    (("withdraw", (1, 500)), [("withdraw", (1, 500))], [("deposit", (1, 500))]),  # Refused.
    (
        ("create_account", ("ada@example.com",)),
        [("create_account", ("ada@example.com",))],
        [("create_account", ("Ada@example.com",))],
    ),
    (
        ("transfer_or_enqueue", (1, 2, 5, "0.5")),
        [
            ("transfer_or_enqueue", (1, 2, amount, wait))
            for amount, wait in (("5.00", "0.5"), (5, 0))
        ],
        [("transfer_or_enqueue", (1, 2, 6, "0.5"))],
    ),
    (
        ("transfer_batch", (["(1,2,5)"], True)),
        [("transfer_batch", (["(1,2,5.00)"], True))],
        [
            ("transfer_batch", given)
            for given in (
                *((["(1,2,5)", "(1,2,5)"], True), (["(1,2,6)"], True), (["(2,1,5)"], True)),
                *((["(1,2,5)"], False), (["(1,2,5)"], None), ([], True)),
            )
        ],
    ),
    (("transfer_batch", (None, True)), [("transfer_batch", ([], True))], []),
    (
        ("hold", (1, 5, "1 hour")),
        [("hold", (1, "4.995", "60 minutes"))],
        [("hold", given) for given in ((1, 6, "1 hour"), (1, 5, "2 hours"), (2, 5, "1 hour"))],
    ),
    (
        ("capture", (1, 5, 2, False)),
        [("capture", (1, "5.0", 2, None))],
        [("capture", given) for given in ((1, 5, None, False), (1, 5, 2, True), (1, 6, 2, False))],
    ),
    (("release", (1,)), [("release", (1,))], [("release", (2,))]),
]
GOOD_KEYS = ["k", "k" * 255, " ", "~", " !\"#$%'\\{}|", "NULL"]
BAD_KEYS = {
    "": 0,
    "k" * 256: 256,
    "k\n": 2,
    "\nk": 2,
    "k\tk": 3,
    "\u0001": 1,
    "\u001f": 1,
    "\u007f": 1,
    "\u0080": 1,
    "\u00e9": 1,
    "\uff4b": 1,
    "k\U0001f511": 2,
}


@pytest.fixture(autouse=True)
def accounts(app: Connection, admin: Connection) -> None:
    open_accounts(app, "100", "50", "999999.99", "70")
    call(app, "deposit", 1, 7)
    call(app, "reverse", 5)
    call(app, "hold", 1, 20)
    call(admin, "freeze_account", 4)


def keys(admin: Connection) -> list[str]:
    return [row["key"] for row in ledger(admin).keys]


def made(result: dict[str, Any]) -> list[dict[str, Any]]:
    """What a result says was made."""
    return [
        *([result["account"]] if result["account"] else []),
        *([result["transaction"]] if result["transaction"] else []),
        *([result["hold"]] if result["hold"] else []),
        *(result["results"] or []),
    ]


def test_a_first_call_does_what_a_call_without_a_key_does_and_a_second_nothing(
    app: Connection, admin: Connection
) -> None:
    for function, arguments in OPERATIONS:
        short = f"SELECT to_jsonb(s) AS made FROM wallet.{function}({{}}) s"
        places = ", ".join(["%s"] * len(arguments)).replace(
            "%s", "%s::wallet.transfer_request[]" if function == "transfer_batch" else "%s", 1
        )
        with admin.transaction(force_rollback=True):
            expected = [row["made"] for row in rows(admin, short.format(places), *arguments)]
            assert ledger(admin).keys == []
        with admin.transaction(force_rollback=True):
            first = keyed(admin, function, *arguments, "k-1")
            assert (first["replayed"], first["sqlstate"]) == (False, None), function
            got = made(first)
            assert len(got) == len(expected) > 0
            for one, other in zip(got, expected, strict=True):
                # A sequence does not roll back, and time does not stand still.
                for name in {"id", "ctime", "mtime", "expires_at"} & one.keys():
                    assert (one[name] is None) == (other[name] is None), function
                    other[name] = one[name]
                assert one == other, function
            before = ledger(admin)
            for _ in range(2):
                assert is_replay(first, keyed(admin, function, *arguments, "k-1")), function
            assert ledger(admin) == before
            # Another key is another request.
            call(admin, "deposit", 1, 100)
            second = keyed(admin, function, *arguments, "K-1")
            assert second["replayed"] is False
            assert made(second) != got, function
            assert second["sqlstate"] == ONCE.get(function)
            assert set(keys(admin)) == {"K-1", "k-1"}
            assert rows(admin, "audit") == []
        assert keys(admin) == [], "a key is rolled back with its effect"


def test_the_first_result_is_as_it_was_whatever_happened_since(
    app: Connection, admin: Connection
) -> None:
    opened = keyed(app, "create_account", "eve@example.com", "k-1")
    id = opened["account"]["id"]
    moved = keyed(app, "transfer", 1, id, 60, "k-2")
    queued = keyed(app, "enqueue_transfer", 1, id, 5, "k-3")
    cancelled = keyed(app, "enqueue_transfer", 1, id, 6, "k-4")
    call(admin, "cancel_pending", cancelled["results"][0]["id"])
    assert value(app, "process_pending", 10) == 1
    call(app, "withdraw", id, "12.34")
    call(app, "reverse", call(app, "deposit", id, 1)["id"])
    call(admin, "freeze_account", id)
    before = ledger(admin)
    assert is_replay(opened, keyed(app, "create_account", "eve@example.com", "k-1"))
    assert is_replay(moved, keyed(app, "transfer", 1, id, 60, "k-2"))
    assert is_replay(queued, keyed(app, "enqueue_transfer", 1, id, 5, "k-3"))
    assert is_replay(cancelled, keyed(app, "enqueue_transfer", 1, id, 6, "k-4"))
    assert ledger(admin) == before
    assert queued["results"][0]["state"] == cancelled["results"][0]["state"] == "pending"
    assert (opened["account"]["balance"], moved["transaction"]["target_balance"]) == (0, 60)


def test_a_replayed_row_is_the_row_to_the_last_digit(app: Connection) -> None:
    """Money keeps its scale, and times their microseconds, whatever the session's settings."""
    statement = """
        SELECT (a.t).id, (a.t).amount::text, (a.t).target_balance::text,
               extract(epoch FROM (a.t).ctime) AS seconds
        FROM (SELECT d.transaction FROM wallet.deposit(1, 5.00, 'k-1') d) a (t)
    """
    results = []
    for zone, style in (("UTC", "ISO"), ("America/New_York", "SQL, DMY"), ("Japan", "German")):
        app.execute(f"SET TimeZone = '{zone}'; SET DateStyle = '{style}'")
        results.append(call(app, statement))
    app.execute("RESET TimeZone; RESET DateStyle")
    first = results[0]
    assert results == [first] * 3
    assert (first["amount"], first["target_balance"]) == ("5.00", "105.00")
    ctime = call(app, "get_transaction", first["id"])["ctime"]
    assert round(ctime.timestamp() * 10**6) == first["seconds"] * 10**6


def test_a_refusal_is_a_result_in_the_same_words_and_is_kept(
    app: Connection, admin: Connection
) -> None:
    before = ledger(admin)
    for number, (function, arguments, sqlstate) in enumerate(REFUSED):
        case = (function, arguments)
        first = keyed(app, function, *arguments, f"k-{number}")
        diagnostic = refusal(app, function, *arguments)
        assert [first[part] for part in ("sqlstate", "message", "detail", "hint")] == [
            sqlstate,
            diagnostic.message_primary,
            diagnostic.message_detail,
            diagnostic.message_hint,
        ], case
        assert made(first) == [], case
        assert is_replay(first, keyed(app, function, *arguments, f"k-{number}")), case
    after = ledger(admin)
    assert after._replace(keys=[]) == before
    assert len(after.keys) == len(REFUSED)


def test_what_was_refused_is_refused_again_when_nothing_stands_in_its_way_any_more(
    app: Connection, admin: Connection
) -> None:
    atomic = (["(1,2,60)", "(1,2,60)"], True)
    asked: list[Operation] = [
        ("withdraw", (1, 150)),
        ("transfer", (1, 2, 150)),
        ("transfer_or_enqueue", (1, 2, 150, 0)),
        ("transfer_batch", atomic),
        ("deposit", (5, 1)),
        ("enqueue_transfer", (1, 5, 1)),
    ]
    first = [keyed(app, f, *given, f"k-{n}") for n, (f, given) in enumerate(asked)]
    assert [one["sqlstate"] for one in first[:3]] == ["WL006"] * 3
    assert [one["sqlstate"] for one in first[3]["results"]] == ["WL013", "WL006"]
    assert call(app, "create_account", "ada@example.com")["id"] == 5
    call(app, "deposit", 1, 900)
    before = ledger(admin)
    for number, (function, given) in enumerate(asked):
        again = keyed(app, function, *given, f"k-{number}")
        assert is_replay(first[number], again), function
    assert ledger(admin) == before
    for function, given in asked:
        assert {
            one.get("state", "succeeded") for one in made(keyed(app, function, *given, function))
        } <= {*("succeeded", "pending")}, function
    assert_sound(admin)


def test_what_is_wrong_with_the_arguments_is_raised_and_leaves_no_key(
    app: Connection, admin: Connection
) -> None:
    before = ledger(admin)
    for function, arguments, sqlstate in INVALID:
        for _ in range(2):
            assert refusal(app, function, *arguments, "k-1").sqlstate == sqlstate, function
    assert ledger(admin) == before
    first = keyed(app, "transfer", 1, 2, 5, "k-1")
    assert first["transaction"]["amount"] == 5, "it can be used with right ones"


def test_a_key_is_for_one_request_however_that_is_written(
    app: Connection, admin: Connection
) -> None:
    for number, (request, same, others) in enumerate(SAME):
        key = f"k-{number}"
        first = keyed(app, request[0], *request[1], key)
        before = ledger(admin)
        for function, arguments in others:
            diagnostic = refusal(app, function, *arguments, key)
            assert diagnostic.sqlstate == "WL011", (function, arguments)
            assert diagnostic.message_primary == "idempotency key reused"
            assert diagnostic.message_detail == "The key was used for another request."
            assert diagnostic.message_hint == "Use a new key for a new request."
        for function, arguments in same:
            assert is_replay(first, keyed(app, function, *arguments, key)), (function, arguments)
        assert ledger(admin) == before


def test_a_key_is_1_to_255_printable_ascii_characters(app: Connection, admin: Connection) -> None:
    for key in GOOD_KEYS:
        assert keyed(app, "deposit", 1, 1, key)["replayed"] is False
        assert keyed(app, "deposit", 1, 1, key)["replayed"] is True
    assert set(keys(admin)) == set(GOOD_KEYS)
    before = ledger(admin)
    for bad, length in BAD_KEYS.items():
        diagnostic = refusal(app, "deposit", 1, 1, bad)
        assert diagnostic.sqlstate == "22023", ascii(bad)
        assert diagnostic.message_primary == "invalid idempotency key"
        assert diagnostic.message_detail == f"The key has {length} characters."
        assert "255" in (diagnostic.message_hint or "")
    # It is looked at before the arguments, by every operation.
    for function, arguments in OPERATIONS:
        wrong = [None] * len(arguments)
        assert refusal(app, function, *wrong, "").sqlstate == "22023", function
    assert ledger(admin) == before


def test_a_key_works_in_each_isolation_level(app: Connection, admin: Connection) -> None:
    for level in ("READ COMMITTED", "REPEATABLE READ", "SERIALIZABLE"):
        app.execute(f"SET default_transaction_isolation = '{level}'")
        with app.transaction():
            first = keyed(app, "deposit", 1, 5, level)
            assert is_replay(first, keyed(app, "deposit", 1, 5, level))
        assert is_replay(first, keyed(app, "deposit", 1, 5, level))
        if level == "READ COMMITTED":
            continue
        # The result of a key that was used after the snapshot is not to be seen: PostgreSQL says
        # to begin anew, and it is not done twice.
        with app.transaction(force_rollback=True):
            call(app, "get_account", 1)
            first = keyed(admin, "deposit", 1, 5, f"{level} 2", "wallet_app")
            assert refusal(app, "deposit", 1, 5, f"{level} 2").sqlstate == "40001"
        assert is_replay(first, keyed(app, "deposit", 1, 5, f"{level} 2"))
    assert_sound(admin)


def test_a_key_says_what_was_asked_for_and_answered(app: Connection, reader: Connection) -> None:
    with app.transaction():
        began = value(app, "SELECT clock_timestamp()")  # later than now()
        keyed(app, "withdraw", 1, "100.01", "k-1")
    row = call(reader, "SELECT * FROM wallet.idempotency_key")
    request = "(withdraw,1,,100.01,,)"
    assert row["request_hash"] == sha256(request.encode()).digest()[:16]
    assert row["actor"] == "wallet_app"
    assert row["refusal"].startswith("(WL006,")
    assert row["transaction_id"] is None
    assert began < row["ctime"] < value(app, "SELECT clock_timestamp()")


def test_keys_older_than_an_interval_are_forgotten_and_the_others_kept(
    app: Connection, admin: Connection
) -> None:
    aged = ["0 days", "10 days", "20 days", "40 days"]
    for key in aged:
        keyed(app, "deposit", 1, 1, key)
        # The key is its own age.
        admin.execute(
            "UPDATE wallet.idempotency_key SET ctime = now() - %s::interval WHERE key = %s",
            (key, key),
        )
    before = ledger(admin)
    for bad in (None, "-1 microsecond", "-30 days"):
        diagnostic = refusal(admin, "purge_idempotency_keys", bad)
        assert (diagnostic.sqlstate, diagnostic.message_primary) == ("22023", "invalid interval")
    assert ledger(admin) == before
    for older_than, kept in (
        ("1000 years", 4),
        ("30 days", 3),
        ("15 days", 2),
        ("1 hour", 1),
        ("0", 0),
    ):
        with admin.transaction(force_rollback=True):
            assert value(admin, "purge_idempotency_keys", older_than) == 4 - kept, older_than
            after = ledger(admin)
            assert [row["key"] for row in after.keys] == aged[:kept]
            assert after._replace(keys=[]) == before._replace(keys=[])
            for key in aged:
                assert keyed(admin, "deposit", 1, 1, key, "wallet_app")["replayed"] is (
                    key in aged[:kept]
                )
