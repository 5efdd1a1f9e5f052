"""Several databases in one cluster, and deployers who are no superusers."""

from __future__ import annotations

import re
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from threading import Barrier

import psycopg
import pytest

from tests.migrations.conftest import DEPLOYERS
from tests.migrations.project import HERE
from tests.support.calls import open_accounts, value
from tests.support.databases import Database, scripts
from tests.support.servers import APP_PASSWORD, Server
from tools.examples import DEPLOY, play

ROLES = {"wallet_app", "wallet_owner", "wallet_reader"}


def roles(database: Database) -> set[str]:
    rows = database.execute("SELECT rolname FROM pg_roles WHERE rolname LIKE 'wallet%%'")
    return {row["rolname"] for row in rows} - set(DEPLOYERS)


def owned_by(new_database: Callable[[], Database], owner: str) -> Database:
    database = new_database()
    database.server.execute(f"ALTER DATABASE {database.name} OWNER TO {owner}")
    return database


def assert_works(database: Database) -> None:
    """Money moves, by the rights that wallet_app has and no others."""
    with database.connect("wallet_app") as app:
        open_accounts(app, "10", "0")
        balance = value(app, "SELECT source_balance FROM wallet.transfer(1, 2, 2.50)")
        assert str(balance) == "7.50"
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            app.execute("SELECT balance FROM wallet.account")


def test_a_superuser_a_maker_of_roles_and_a_mere_member_deploy_as_it_is_recorded(
    cluster: Server,
) -> None:
    """What each of them needs, on any version of PostgreSQL; and who then may do what."""
    printed = play(DEPLOY, cluster.environ("postgres"))
    assert printed == DEPLOY.with_suffix(".out").read_text(), "if it is right: make docs"


def test_a_deployer_needs_no_right_but_to_be_a_member_of_the_owner(
    new_database: Callable[[], Database], deployers: tuple[str, ...]
) -> None:
    """For the whole plan; the walkthrough has the first changes, by others too."""
    deployer = deployers[0]
    database = owned_by(new_database, deployer)
    database.execute(f"ALTER ROLE {deployer} NOCREATEROLE NOCREATEDB")
    database.execute("CREATE ROLE wallet_owner NOLOGIN")
    database.execute(f"CREATE ROLE wallet_app LOGIN PASSWORD '{APP_PASSWORD}'")
    database.execute("CREATE ROLE wallet_reader LOGIN")
    database.execute(f"GRANT wallet_owner TO {deployer}")

    scripts("deploy", database, deployer)
    scripts("verify", database, deployer)
    assert_works(database)
    assert "stays" in scripts("revert", database, deployer)
    assert roles(database) == ROLES, "roles that somebody else made are theirs to drop"


def test_another_deployer_waits_until_made_a_member(
    new_database: Callable[[], Database], deployers: tuple[str, ...]
) -> None:
    first, second = (owned_by(new_database, deployer) for deployer in deployers)
    scripts("deploy", first, deployers[0], to="schema")
    # Before PostgreSQL 16 the right to make roles is the right to join them.
    if second.execute("SELECT 1 WHERE current_setting('server_version_num')::int >= 160000"):
        with pytest.raises(RuntimeError, match='permission denied to grant role "wallet_owner"'):
            scripts("deploy", second, deployers[1], to="schema")
        second.execute(f"GRANT wallet_owner TO {deployers[1]}", user=deployers[0])
    scripts("deploy", second, deployers[1], to="schema")
    scripts("verify", second, deployers[1], to="schema")
    scripts("revert", second, deployers[1], to="schema")
    scripts("verify", first, deployers[0], to="schema")


def test_a_revert_leaves_other_databases_of_the_cluster_intact(
    new_database: Callable[[], Database],
) -> None:
    first, second, third = (new_database() for _ in range(3))
    scripts("deploy", first, to="schema")
    scripts("deploy", second)
    scripts("deploy", third, to="roles")
    first.execute(f"ALTER ROLE wallet_app PASSWORD '{APP_PASSWORD}'")

    said = scripts("revert", first, to="schema")
    assert all(f"role {role} stays" in said for role in ROLES)
    scripts("verify", second)
    assert_works(second)
    scripts("revert", second)
    scripts("verify", third, to="roles")
    scripts("revert", third, to="roles")
    assert not roles(first), "the last database takes the roles with it"


def test_deploys_at_once_all_succeed(new_database: Callable[[], Database]) -> None:
    """Of the databases of one cluster, and of one as when two machines start together."""
    first, second, third = (new_database() for _ in range(3))
    tasks = [
        *[partial(HERE.sqitch, first, "deploy", "--to", "account")] * 2,
        *(partial(scripts, "deploy", database) for database in (second, third)),
    ]
    start = Barrier(len(tasks))
    with ThreadPoolExecutor(len(tasks)) as pool:
        list(pool.map(lambda task: (start.wait(), task()), tasks))
    scripts("verify", first, to="account")
    for database in (second, third):
        scripts("verify", database)


def test_a_deploy_that_meets_half_made_roles_waits_for_them(
    cluster: Server, new_database: Callable[[], Database]
) -> None:
    """The race for the roles, with the other side stopped at its worst moment."""
    database = new_database()
    with psycopg.connect(cluster.url("postgres")) as other, ThreadPoolExecutor(1) as pool:
        other.execute("CREATE ROLE wallet_owner NOLOGIN")
        other.execute("CREATE ROLE wallet_app LOGIN")
        deploy = pool.submit(scripts, "deploy", database, to="schema")
        waiting = "SELECT 1 FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND datname = %s"
        while not (found := database.execute(waiting, database.name)) and not deploy.done():
            time.sleep(0.01)
        other.commit()
        deploy.result()
    assert found, "the deploy did not meet the other's roles"
    scripts("verify", database, to="schema")


def test_verify_says_what_a_copy_of_the_database_lacks(
    new_database: Callable[[], Database],
) -> None:
    """Rights on the database itself are in no dump of it."""
    copy = new_database()
    scripts("deploy", copy)
    copy.execute(f"REVOKE CONNECT ON DATABASE {copy.name} FROM wallet_app, wallet_reader")
    copy.execute(f"GRANT CONNECT ON DATABASE {copy.name} TO PUBLIC")
    for repair in (
        f"GRANT CONNECT ON DATABASE {copy.name} TO wallet_app, wallet_reader;",
        f"REVOKE CONNECT, TEMPORARY ON DATABASE {copy.name} FROM PUBLIC;",
    ):
        with pytest.raises(RuntimeError, match=re.escape(repair)):
            scripts("verify", copy)
        copy.execute(repair)
    scripts("verify", copy)
