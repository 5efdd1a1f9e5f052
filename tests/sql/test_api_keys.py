"""API keys: what one is, who may make and end one, and what of it is kept."""

from __future__ import annotations

import re
import subprocess
from hashlib import sha256
from typing import Any

import pytest

from tests.support.calls import Connection, call, refusal, rows, value
from tests.support.databases import Database
from tools.embedded import path_with_programs

INVALID = "22023"
CREATE = "SELECT wallet.create_api_key(%s, %s, %s)"


@pytest.fixture(autouse=True)
def no_keys(admin: Connection) -> None:
    admin.execute("TRUNCATE wallet.api_key RESTART IDENTITY")


def create(
    admin: Connection, name: str = "shop", scopes: tuple[str, ...] = ("read",), **options: str
) -> str:
    return str(value(admin, CREATE, name, list(scopes), options.get("expires_in")))


def valid(app: Connection, used: tuple[int, ...] = ()) -> list[dict[str, Any]]:
    return rows(app, "SELECT * FROM wallet.refresh_api_keys(%s::bigint[])", list(used))


def test_a_key_is_random_ends_with_its_checksum_and_is_kept_as_a_hash(
    admin: Connection, app: Connection
) -> None:
    keys = [create(admin, scopes=("write", "read", "write")) for _ in range(2)]
    assert len({key[4:68] for key in keys}) == 2
    for key, row in zip(keys, valid(app), strict=True):
        assert re.fullmatch("pgw_[0-9a-f]{64}_[0-9a-f]{8}", key)
        assert sha256(key[:68].encode()).hexdigest()[:8] == key[69:]
        assert bytes(row["hash"]) == sha256(key.encode()).digest()
        assert (row["name"], row["scopes"], row["expires_at"]) == ("shop", ["read", "write"], None)
    shown = rows(admin, "SELECT * FROM wallet.api_key_overview")
    assert [row["ending"] for row in shown] == [key[-8:] for key in keys]


def test_a_dump_of_the_database_holds_no_key(database: Database, admin: Connection) -> None:
    key = create(admin)
    value(admin, "SELECT wallet.revoke_api_key(1)")
    dump = subprocess.run(
        ["pg_dump", "--schema=wallet"],
        env={"PATH": path_with_programs(), **database.environ()},
        stdout=subprocess.PIPE,
        text=True,
        check=True,
    ).stdout
    assert sha256(key.encode()).hexdigest() in dump, "the dump has the table's rows"
    assert key[4:68] not in dump


def test_what_cannot_be_a_key_is_refused(admin: Connection) -> None:
    right = ("shop", ["read"], None)
    for place, wrong in (
        *((0, name) for name in (None, "", "a b", "a\n", "é", "x" * 64, "wallet_app", "postgres")),
        *((1, scopes) for scopes in (None, [], [None], ["read", None], ["admin"])),
        *((2, time) for time in ("0", "-1 day", "101 years")),
    ):
        given = [*right[:place], wrong, *right[place + 1 :]]
        diagnostic = refusal(admin, CREATE, *given)
        assert diagnostic.sqlstate == INVALID, given
    assert refusal(admin, "SELECT wallet.revoke_api_key(1)").sqlstate == INVALID
    for name in ("!", "~" * 63, "shop's\\\"key"):
        create(admin, name, expires_in="100 years")


def test_a_dba_who_is_a_member_of_the_owner_makes_and_ends_keys(admin: Connection) -> None:
    with admin.transaction(force_rollback=True):
        admin.execute("CREATE ROLE wallet_test_dba; GRANT wallet_owner TO wallet_test_dba")
        admin.execute("SET LOCAL SESSION AUTHORIZATION wallet_test_dba")
        create(admin)
        assert value(admin, "SELECT wallet.revoke_api_key(1)")


def test_a_key_is_valid_until_it_expires_or_is_revoked(admin: Connection, app: Connection) -> None:
    for name, expires_in in (("shop", "1 day"), ("brief", "1 microsecond"), ("gone", "1 day")):
        create(admin, name, expires_in=expires_in)
    times = [value(admin, "SELECT wallet.revoke_api_key(3)") for _ in range(2)]
    assert times[0] == times[1]
    assert [row["name"] for row in valid(app)] == ["shop"]
    shown = rows(admin, "SELECT state FROM wallet.api_key_overview")
    assert [row["state"] for row in shown] == ["valid", "expired", "revoked"]
    logged = rows(admin, "SELECT actor, event, detail FROM wallet.event_log ORDER BY id")
    assert [tuple(row.values()) for row in logged[2:]] == [
        ("postgres", "create_api_key", "key 3 of gone: read"),
        ("postgres", "revoke_api_key", "key 3 of gone"),
    ]


def test_the_day_of_the_last_use_is_kept_without_waiting_for_anybody(
    database: Database, admin: Connection, app: Connection
) -> None:
    for name in ("used", "unused", "locked"):
        create(admin, name)
    admin.execute("UPDATE wallet.api_key SET last_used_on = '2026-01-01'")
    app.execute("SET lock_timeout = '1s'")
    with database.connect() as other, other.transaction():
        other.execute("SELECT wallet.revoke_api_key(3)")
        assert len(valid(app, used=(1, 3, 77))) == 3
    days = rows(admin, "SELECT last_used_on::text AS day FROM wallet.api_key_overview")
    today = value(admin, "SELECT (now() AT TIME ZONE 'UTC')::date::text")
    assert [row["day"] for row in days] == [today, "2026-01-01", "2026-01-01"]
    # A server that only reads, such as one that was demoted, still says which keys are valid.
    app.execute("SET default_transaction_read_only = on")
    assert [row["name"] for row in valid(app, used=(2,))] == ["used", "unused"]
    app.execute("RESET default_transaction_read_only; RESET lock_timeout")


def test_there_are_no_more_keys_than_the_service_keeps(admin: Connection, app: Connection) -> None:
    admin.execute(
        "INSERT INTO wallet.api_key (name, hash, ending, scopes, expires_at) "
        "SELECT 'many', sha256(n::text::bytea), '', '{read}', "
        "CASE n WHEN 1 THEN now() END FROM generate_series(1, 1001) n"
    )
    assert refusal(admin, CREATE, "shop", ["read"], None).sqlstate == "54000"
    call(admin, "SELECT wallet.revoke_api_key(2)")
    assert create(admin)
    admin.execute("UPDATE wallet.api_key SET expires_at = NULL")
    assert len(valid(app)) == 1000
