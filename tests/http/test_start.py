"""A service that cannot start says why in one line, and exits with 1."""

from __future__ import annotations

import asyncio
import socket
import subprocess
import sys

import pytest

from service import __version__
from service.__main__ import CannotStart, check_database
from service.config import ConfigError, Settings
from tests.http.processes import OwnServer, running
from tests.support import databases
from tests.support.databases import Database
from tests.support.service import free_port, plain_environ
from tools.embedded import CHECKOUT

URL = "postgresql://wallet_app:s3cret@127.0.0.1:1/wallet"


def refusal_to_start(**settings: str) -> str:
    """The one line that the service says before it gives up."""
    done = subprocess.run(
        [sys.executable, "-m", "service"],
        cwd=CHECKOUT,
        env={**plain_environ(), "WALLET_PORT": str(free_port()), **settings},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 1, done
    assert done.stdout == ""
    assert done.stderr.startswith("pgwallet: "), done.stderr
    assert done.stderr.count("\n") == 1, done.stderr
    assert "s3cret" not in done.stderr
    return done.stderr.removeprefix("pgwallet: ").rstrip("\n")


def test_a_setting_that_cannot_be_used_is_named_with_what_it_takes() -> None:
    for name, values, takes in (
        ("PORT", ("abc", "0", "-1", "65536", "80.5", "٨٠", "0x50"), "number from 1 to 65535"),
        ("WORKERS", ("0", "two", "257"), "a whole number from 1 to 256"),
        ("READ_URL", ("x", "mysql://x"), "must begin with postgresql://"),
        ("READ_MAX_LAG", ("0.4", "61", "x"), "a number from 0.5 to 60"),
        ("POOL_SIZE", ("0", "4", "1001"), "a whole number from 5 to 1000"),
        ("GROUP_MAX", ("0", "1001"), "a whole number from 1 to 1000"),
        ("MAX_WAITING", ("0", "100001"), "a whole number from 1 to 100000"),
        ("LOCK_TIMEOUT", ("0", "-1", "soon", "nan", "inf", "60.1"), "a number from 0.01 to 60"),
        ("STATEMENT_TIMEOUT", ("0", "5s"), "a number from 0.01 to 60"),
        ("POOL_TIMEOUT", ("0", "1,5"), "a number from 0.01 to 60"),
        ("REQUEST_TIMEOUT", ("0", "601"), "a number from 0.1 to 600"),
        ("MAX_CONNECTIONS", ("0", "100001"), "a whole number from 1 to 100000"),
        ("MAX_BODY_MEMORY", ("3", "65537"), "a whole number from 4 to 65536"),
        ("HOSTS", ("a b", "a,,b", ","), "host names, separated by commas"),
        ("ORIGINS", ("a.example", "https://a/b", "https://a,", "*"), "such as https://a.example"),
        ("SHUTDOWN_TIMEOUT", ("-1", "601"), "a number from 0 to 600"),
        ("QUEUE", ("All", "queue", "1"), "all or on-request"),
        ("AUTH", ("on", "true", "Required"), "off or required or unless-loopback"),
        ("RATE_LIMIT", ("-1", "0.5", "1000001"), "a whole number from 0 to 1000000"),
        ("LOG_FORMAT", ("xml",), "json or text"),
        ("ACCESS_LOG", ("yes",), "true or false"),
        ("DATABASE_URL", ("mysql://root:x@localhost/x", "wallet"), "begin with postgresql://"),
    ):
        for value in values:
            with pytest.raises(ConfigError) as refused:
                Settings.from_environ({"WALLET_DATABASE_URL": URL, f"WALLET_{name}": value})
            assert f"WALLET_{name}" in str(refused.value), value
            assert takes in str(refused.value), value
    for environ, said in (
        ({}, "WALLET_DATABASE_URL is not set"),
        ({"WALLET_DATABASE_URL": ""}, "WALLET_DATABASE_URL is not set"),
        ({"WALLET_QUEU": "all"}, "did you mean WALLET_QUEUE?"),
    ):
        with pytest.raises(ConfigError, match=said.replace("?", r"\?")):
            Settings.from_environ(environ)
    # What the setting is refused with is what the service says.
    line = refusal_to_start(WALLET_DATABASE_URL=URL, WALLET_PORT="abc")
    assert line == "WALLET_PORT is 'abc'; it takes a whole number from 1 to 65535"


def test_settings_are_read_as_they_are_written() -> None:
    given = {
        "WALLET_DATABASE_URL": URL,
        "WALLET_HOST": "",
        "WALLET_WORKERS": "256",
        "WALLET_LOCK_TIMEOUT": "0.05",
        "WALLET_QUEUE": "all",
        "WALLET_LOG_FORMAT": "json",
        "WALLET_ACCESS_LOG": "true",
        "PORT": "1",
    }
    assert Settings.from_environ(given) == Settings(
        database_url=URL,
        workers=256,
        lock_timeout=0.05,
        queue="all",
        log_format="json",
        access_log=True,
    )


def test_whether_keys_are_needed_depends_on_the_address_unless_it_is_said() -> None:
    for host, by_default in (
        *((host, False) for host in ("127.0.0.1", "127.9.9.9", "::1", "localhost")),
        *((host, True) for host in ("0.0.0.0", "::", "192.0.2.1", "127.0.0.1.example", "wallet")),
    ):
        for auth, needed in (("unless-loopback", by_default), ("required", True), ("off", False)):
            settings = Settings.from_environ(
                {"WALLET_DATABASE_URL": URL, "WALLET_HOST": host, "WALLET_AUTH": auth}
            )
            assert settings.needs_keys is needed, (host, auth)


def why_not(url: str) -> str:
    """Why the service does not start with this database, as it would be said in one line."""
    with pytest.raises((ConfigError, CannotStart)) as refused:
        asyncio.run(check_database(Settings.from_environ({"WALLET_DATABASE_URL": url})))
    said = str(refused.value)
    assert said.isprintable()
    assert "s3cret" not in said
    return said


def test_a_password_is_not_shown_wherever_it_stands() -> None:
    for url in (
        "postgresql://wallet_app:s3cret@[::1/wallet",
        "postgresql://wallet_app:1/s3cret@localhost/wallet",
        "postgresql://wallet_app:x?s3cret@localhost/wallet",
        "postgresql://wallet_app:s3cret@localhost:99999/wallet",
        "postgresql:///wallet?host=/nowhere&user=wallet_app&password=s3cret",
        "postgresql://wallet_app:s3cret@localhost/wallet?sslmode=s3cret",
        "host=x password=s3cret",
    ):
        assert "WALLET_DATABASE_URL" in why_not(url), url
    line = refusal_to_start(WALLET_DATABASE_URL=URL.replace("127.0.0.1:1", "[::1"))
    assert line.startswith("WALLET_DATABASE_URL cannot be read")


def test_an_address_that_cannot_be_listened_on_is_named() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        line = refusal_to_start(WALLET_DATABASE_URL=URL, WALLET_PORT=str(port))
    for word in (f"127.0.0.1:{port}", "in use", "WALLET_PORT"):
        assert word in line
    for host in ("192.0.2.1", "a" * 70 + ".example"):
        line = refusal_to_start(WALLET_DATABASE_URL=URL, WALLET_HOST=host)
        assert host in line
        assert "WALLET_PORT" not in line


def test_a_database_that_cannot_be_reached_is_named(database: Database) -> None:
    nobody = f"postgresql://wallet_app:s3cret@127.0.0.1:{free_port()}/wallet"
    assert "cannot reach the database" in why_not(nobody)
    url = database.server.url("no_such_wallet", "wallet_app")
    assert 'database "no_such_wallet" does not exist' in refusal_to_start(WALLET_DATABASE_URL=url)
    # A standby may be away, but its URL must be one.
    assert "WALLET_READ_URL cannot be read" in refusal_to_start(
        WALLET_DATABASE_URL=database.url("wallet_app"),
        WALLET_READ_URL="postgresql://wallet_app:s3cret@[::1/wallet",
    )


def test_a_database_that_lacks_what_is_called_is_not_served(database: Database) -> None:
    empty = databases.create(database.server)
    try:
        line = refusal_to_start(WALLET_DATABASE_URL=empty.url("wallet_app"), WALLET_WORKERS="2")
    finally:
        databases.drop(empty)
    for word in ("not deployed", "sqitch deploy", empty.name):
        assert word in line
    for statement in (
        "REVOKE EXECUTE ON FUNCTION wallet.deposit(bigint, numeric, text, text, text, jsonb) "
        "FROM wallet_app",
        # As in an older schema: neither the function nor its argument's type is there.
        "DROP TYPE wallet.transfer_request CASCADE",
        "REVOKE USAGE ON SCHEMA wallet FROM wallet_app, PUBLIC",
    ):
        database.execute(statement)
        line = why_not(database.url("wallet_app"))
        assert "may not execute them" in line
        assert __version__ in line


@pytest.mark.parametrize(("found", "used"), [("off", "on"), ("remote_apply", "remote_apply")])
def test_a_session_commits_durably_and_reads_what_is_committed_whatever_the_role_sets(
    database: Database, found: str, used: str
) -> None:
    database.server.execute(f"ALTER DATABASE {database.name} SET synchronous_commit = {found}")
    database.execute(
        "CREATE OR REPLACE FUNCTION wallet.get_account(id bigint) RETURNS wallet.account"
        " LANGUAGE plpgsql AS $$ BEGIN"
        " RAISE EXCEPTION USING ERRCODE = 'WL004', DETAIL = concat_ws(' ',"
        " current_setting('synchronous_commit'), current_setting('transaction_isolation'));"
        " END $$"
    )
    role = f"ALTER ROLE wallet_app IN DATABASE {database.name} SET"
    database.server.execute(f"{role} default_transaction_isolation = serializable")
    with running(database) as service:
        database.server.execute(f"{role} synchronous_commit = off")
        assert service.client.get("/account/1").json()["detail"] == f"{used} read committed"


def test_a_wrong_password_is_told_and_not_shown_and_the_right_one_is_used(
    own: tuple[OwnServer, Database],
) -> None:
    server, database = own
    rules = server.postgres.data / "pg_hba.conf"
    before = rules.read_text()
    try:
        rules.write_text(f"local all wallet_app scram-sha-256\n{before}")
        server.execute("ALTER ROLE wallet_app PASSWORD 'the right one'")
        server.execute("SELECT pg_reload_conf()")
        host = database.url("wallet_app").partition("@")[2]
        for password in ("s3cret", ""):
            url = f"postgresql://wallet_app:{password}@{host}"
            assert "password authentication failed" in why_not(url)
        url, password = f"postgresql://wallet_app@{host}", "the right one"
        settings = {"WALLET_DATABASE_URL": url, "WALLET_DATABASE_PASSWORD": password}
        with running(database, **settings) as service:
            assert service.client.get("/health/ready").status_code == 200
    finally:
        rules.write_text(before)
        server.execute("SELECT pg_reload_conf()")
