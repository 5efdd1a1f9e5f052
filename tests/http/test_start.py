"""A service that cannot start says why in one line, and exits with 1."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from collections.abc import Iterator

import psycopg
import pytest

from service.config import ConfigError, Settings
from tests.http.processes import OwnServer, own_database, running
from tests.support import databases
from tests.support.databases import Database
from tests.support.service import free_port
from tools.embedded import CHECKOUT

URL = "postgresql://wallet_app:s3cret@127.0.0.1:1/wallet"


def refusal_to_start(**settings: str) -> str:
    """The one line that the service says before it gives up."""
    environ = {name: value for name, value in os.environ.items() if "WALLET_" not in name}
    done = subprocess.run(
        [sys.executable, "-m", "service"],
        cwd=CHECKOUT,
        env={**environ, "WALLET_PORT": str(free_port()), **settings},
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


def test_it_needs_an_address_of_a_database() -> None:
    for url in ({}, {"WALLET_DATABASE_URL": ""}):
        assert "WALLET_DATABASE_URL is not set" in refusal_to_start(**url)


@pytest.mark.parametrize(
    "url", ["mysql://root:s3cret@localhost/x", "wallet", "host=x password=s3cret"]
)
def test_the_address_must_be_one_of_postgresql(url: str) -> None:
    assert "must begin with postgresql://" in refusal_to_start(WALLET_DATABASE_URL=url)


@pytest.mark.parametrize(
    "url",
    [
        "postgresql://wallet_app:s3cret@[::1/wallet",
        "postgresql://wallet_app:x/s3cret@localhost/wallet",
        "postgresql://wallet_app:1/s3cret@localhost/wallet",
        "postgresql://wallet_app:x?s3cret@localhost/wallet",
        "postgresql://wallet_app:x#s3cret@localhost/wallet",
        "postgresql://wallet_app:s3cret@localhost:s3cret/wallet",
        "postgresql://wallet_app:s3cret@localhost:99999/wallet",
        "postgresql://wallet_app@localhost:1/wallet?password=s3cret",
        "postgresql:///wallet?host=/nowhere&user=wallet_app&password=s3cret",
        "postgresql://wallet_app:s3cret@" + "a" * 70 + "/wallet",
        "postgresql://wallet_app:s3cret@localhost/wallet?sslmode=s3cret",
    ],
)
def test_a_password_is_not_shown_wherever_it_stands(url: str) -> None:
    line = refusal_to_start(WALLET_DATABASE_URL=url)
    assert "WALLET_DATABASE_URL" in line


@pytest.mark.parametrize(
    ("name", "value"),
    [
        *(
            ("WALLET_PORT", port)
            for port in ("abc", "0", "-1", "65536", "80.5", "1e9", "0123", "٨٠", "0x50")
        ),
        *(("WALLET_WORKERS", workers) for workers in ("0", "-1", "two", "257")),
        *(("WALLET_POOL_SIZE", size) for size in ("0", "many", "1001")),
        *(("WALLET_LOCK_TIMEOUT", seconds) for seconds in ("0", "-1", "soon", "nan", "inf", "61")),
        *(("WALLET_STATEMENT_TIMEOUT", seconds) for seconds in ("0", "5s")),
        *(("WALLET_POOL_TIMEOUT", seconds) for seconds in ("0", "1,5")),
        ("WALLET_SHUTDOWN_TIMEOUT", "-1"),
        *(("WALLET_QUEUE", mode) for mode in ("Strict", "queue", "1")),
        ("WALLET_LOG_FORMAT", "xml"),
        ("WALLET_ACCESS_LOG", "yes"),
    ],
)
def test_a_setting_that_cannot_be_used_is_named(name: str, value: str) -> None:
    with pytest.raises(ConfigError, match=name):
        Settings.from_environ({"WALLET_DATABASE_URL": URL, name: value})


def test_a_bad_setting_keeps_it_from_starting() -> None:
    line = refusal_to_start(WALLET_DATABASE_URL=URL, WALLET_PORT="abc")
    assert line == "WALLET_PORT is 'abc'; it takes a whole number from 1 to 65535"


def test_settings_are_read_as_they_are_written() -> None:
    settings = Settings.from_environ(
        {
            "WALLET_DATABASE_URL": URL,
            "WALLET_PORT": "123",
            "WALLET_HOST": "",
            "WALLET_WORKERS": "256",
            "WALLET_LOCK_TIMEOUT": "0.05",
            "WALLET_QUEUE": "all",
            "WALLET_LOG_FORMAT": "json",
            "WALLET_ACCESS_LOG": "true",
        }
    )
    assert settings == Settings(
        database_url=URL,
        port=123,
        workers=256,
        lock_timeout=0.05,
        queue="all",
        log_format="json",
        access_log=True,
    )


def test_a_variable_that_is_not_a_setting_is_named() -> None:
    line = refusal_to_start(WALLET_DATABASE_URL=URL, WALLET_POOLSIZE="5")
    assert line == "WALLET_POOLSIZE is not a setting; did you mean WALLET_POOL_SIZE?"
    with pytest.raises(ConfigError, match=r"WALLET_X is .*WALLET_PORT, WALLET_WORKERS"):
        Settings.from_environ({"WALLET_DATABASE_URL": URL, "WALLET_X": ""})
    others = {"WALLET_APP_PASSWORD": "x", "WALLET_TEST_DATABASE": "x"}
    assert Settings.from_environ({"WALLET_DATABASE_URL": URL, **others}) == Settings(URL)


def test_a_port_that_is_taken_is_named() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        line = refusal_to_start(WALLET_DATABASE_URL=URL, WALLET_PORT=str(port))
    assert f"127.0.0.1:{port}" in line
    assert "in use" in line
    assert "WALLET_PORT" in line


@pytest.mark.parametrize("host", ["192.0.2.1", "no.such.host.invalid", "a" * 70 + ".example"])
def test_a_host_that_is_not_this_machine_s_is_named(host: str) -> None:
    assert host in refusal_to_start(WALLET_DATABASE_URL=URL, WALLET_HOST=host)


def test_a_database_that_does_not_answer_is_named() -> None:
    for url in (
        f"postgresql://wallet_app:s3cret@127.0.0.1:{free_port()}/wallet",
        "postgresql://wallet_app:s3cret@no.such.host.invalid/wallet",
        "postgresql://wallet_app:s3cret@/wallet?host=/nowhere",
    ):
        assert "cannot reach the database" in refusal_to_start(WALLET_DATABASE_URL=url)


def test_a_database_that_does_not_exist_is_named(template: Database) -> None:
    url = template.server.url("no_such_wallet", "wallet_app")
    assert 'database "no_such_wallet" does not exist' in refusal_to_start(WALLET_DATABASE_URL=url)


@pytest.mark.parametrize("workers", ["1", "2"])
def test_a_database_without_the_schema_is_named(template: Database, workers: str) -> None:
    empty = databases.create(template.server)
    try:
        line = refusal_to_start(WALLET_DATABASE_URL=empty.url("wallet_app"), WALLET_WORKERS=workers)
    finally:
        databases.drop(empty)
    assert "not deployed" in line
    assert "sqitch deploy" in line
    assert empty.name in line


def test_a_schema_that_lacks_a_function_is_named(database: Database) -> None:
    database.execute("DROP FUNCTION wallet.get_transfer_result(bigint)")
    assert "not deployed" in refusal_to_start(WALLET_DATABASE_URL=database.url("wallet_app"))


def test_a_user_that_may_not_execute_the_functions_is_told(database: Database) -> None:
    database.execute("REVOKE EXECUTE ON FUNCTION wallet.deposit(bigint, numeric) FROM wallet_app")
    line = refusal_to_start(WALLET_DATABASE_URL=database.url("wallet_app"))
    assert "may not execute them" in line
    database.execute("REVOKE USAGE ON SCHEMA wallet FROM wallet_app, PUBLIC")
    line = refusal_to_start(WALLET_DATABASE_URL=database.url("wallet_app"))
    assert "may not execute them" in line


def test_a_database_that_may_forget_is_not_served(database: Database) -> None:
    database.server.execute(f"ALTER DATABASE {database.name} SET synchronous_commit = off")
    line = refusal_to_start(WALLET_DATABASE_URL=database.url("wallet_app"))
    assert line.startswith("synchronous_commit is off")
    for value in ("on", "local", "remote_write", "remote_apply"):
        database.server.execute(f"ALTER DATABASE {database.name} SET synchronous_commit = {value}")
        with running(database) as service:
            assert service.client.get("/health/ready").status_code == 200


@pytest.fixture(scope="module")
def locked() -> Iterator[tuple[OwnServer, Database]]:
    """A server that asks wallet_app for its password."""
    with own_database() as (server, database):
        rules = server.postgres.data / "pg_hba.conf"
        rules.write_text(f"local all wallet_app scram-sha-256\n{rules.read_text()}")
        server.execute("ALTER ROLE wallet_app PASSWORD 'the right one'")
        server.execute("SELECT pg_reload_conf()")
        yield server, database


@pytest.mark.parametrize("password", ["s3cret", ""])
def test_a_wrong_password_is_told_and_not_shown(
    locked: tuple[OwnServer, Database], password: str
) -> None:
    server, database = locked
    url = f"postgresql://wallet_app:{password}@/{database.name}?host={server.postgres.sockets}"
    line = refusal_to_start(WALLET_DATABASE_URL=url)
    assert "password authentication failed" in line
    right = f"postgresql://wallet_app@/{database.name}?host={server.postgres.sockets}"
    psycopg.connect(right, password="the right one").close()
