"""Several databases in one cluster, and deployers who are no superusers."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import psycopg
import pytest

from tests.migrations.conftest import DEPLOYERS
from tests.migrations.project import HERE, deployed, names
from tests.support.databases import Database
from tests.support.servers import APP_PASSWORD, Server

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
        for _ in range(2):
            app.execute("SELECT wallet.create_account('ada@example.com')")
        app.execute("SELECT wallet.deposit(1, 10)")
        row = app.execute("SELECT * FROM wallet.transfer(1, 2, 2.50)").fetchone()
        assert row is not None
        assert str(row["source_balance"]) == "7.50"
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            app.execute("SELECT balance FROM wallet.account")


def test_a_deployer_needs_no_superuser(
    new_database: Callable[[], Database], deployers: tuple[str, ...]
) -> None:
    deployer = deployers[0]
    database = owned_by(new_database, deployer)
    HERE.sqitch(database, "deploy", user=deployer)
    HERE.sqitch(database, "verify", user=deployer)
    assert deployed(database) == names()

    database.execute(f"ALTER ROLE wallet_app PASSWORD '{APP_PASSWORD}'", user=deployer)
    assert_works(database)

    HERE.sqitch(database, "revert", "-y", user=deployer)
    assert deployed(database) == []
    assert not roles(database)


def test_a_deployer_needs_no_right_to_make_roles_that_are_there(
    new_database: Callable[[], Database], deployers: tuple[str, ...]
) -> None:
    deployer = deployers[0]
    database = owned_by(new_database, deployer)
    database.execute(f"ALTER ROLE {deployer} NOCREATEROLE NOCREATEDB")
    database.execute("CREATE ROLE wallet_owner NOLOGIN")
    database.execute(f"CREATE ROLE wallet_app LOGIN PASSWORD '{APP_PASSWORD}'")
    database.execute("CREATE ROLE wallet_reader LOGIN")
    database.execute(f"GRANT wallet_owner TO {deployer}")

    HERE.sqitch(database, "deploy", user=deployer)
    assert_works(database)
    assert "stays" in HERE.sqitch(database, "revert", "-y", user=deployer)
    assert deployed(database) == []
    assert roles(database) == ROLES, "roles that somebody else made are theirs to drop"


def test_another_deployer_waits_until_made_a_member(
    new_database: Callable[[], Database], deployers: tuple[str, ...]
) -> None:
    first, second = (owned_by(new_database, deployer) for deployer in deployers)
    deploy = ("deploy", "--to", "account")
    HERE.sqitch(first, *deploy, user=deployers[0])

    done = HERE.run(second, *deploy, user=deployers[1])
    # Before PostgreSQL 16 the right to make roles is the right to join them.
    if second.execute("SELECT 1 WHERE current_setting('server_version_num')::int >= 160000"):
        assert done.returncode != 0
        assert 'permission denied to grant role "wallet_owner"' in done.stdout
        assert deployed(second) == []
        second.execute(f"GRANT wallet_owner TO {deployers[1]}", user=deployers[0])
        HERE.sqitch(second, *deploy, user=deployers[1])
    assert deployed(second)[-1] == "account"

    HERE.sqitch(second, "revert", "-y", user=deployers[1])
    HERE.sqitch(first, "verify", "--to", "account", user=deployers[0])


@pytest.mark.parametrize("given", ["inherit", "set"])
def test_half_a_membership_is_completed(
    new_database: Callable[[], Database], deployers: tuple[str, ...], given: str
) -> None:
    """With createrole_self_grant the maker of a role may, say, use it but not become it."""
    deployer = deployers[0]
    database = owned_by(new_database, deployer)
    if not database.execute("SELECT 1 FROM pg_settings WHERE name = 'createrole_self_grant'"):
        pytest.skip("PostgreSQL 15 has no createrole_self_grant")
    database.execute(f"ALTER ROLE {deployer} SET createrole_self_grant = '{given}'")
    HERE.sqitch(database, "deploy", "--to", "account", user=deployer)
    assert deployed(database)[-1] == "account"


def test_a_revert_leaves_another_database_of_the_cluster_intact(
    new_database: Callable[[], Database],
) -> None:
    first, second = new_database(), new_database()
    for database in (first, second):
        HERE.sqitch(database, "deploy")
    first.execute(f"ALTER ROLE wallet_app PASSWORD '{APP_PASSWORD}'")

    said = HERE.sqitch(first, "revert", "-y")
    assert "role wallet_app stays" in said
    assert "role wallet_owner stays" in said
    assert "role wallet_reader stays" in said
    HERE.sqitch(second, "verify")
    assert_works(second)

    assert roles(first) == ROLES
    HERE.sqitch(second, "revert", "-y")
    assert not roles(first), "the last database takes the roles with it"


def test_a_revert_leaves_the_roles_to_a_database_that_has_nothing_else_yet(
    new_database: Callable[[], Database],
) -> None:
    first, second = new_database(), new_database()
    for database in (first, second):
        HERE.sqitch(database, "deploy", "--to", "roles")
    HERE.sqitch(first, "revert", "-y")
    assert roles(second) == ROLES - {"wallet_reader"}, "a later change makes that one"
    HERE.sqitch(second, "verify")


def test_deploys_at_once_on_one_cluster_all_succeed(
    new_database: Callable[[], Database],
) -> None:
    targets = [new_database() for _ in range(2)]
    start = threading.Barrier(len(targets))

    def deploy(database: Database) -> None:
        start.wait()
        HERE.sqitch(database, "deploy")

    with ThreadPoolExecutor(len(targets)) as pool:
        list(pool.map(deploy, targets))
    for database in targets:
        HERE.sqitch(database, "verify")


def test_a_deploy_that_meets_half_made_roles_waits_for_them(
    cluster: Server, new_database: Callable[[], Database]
) -> None:
    """The race for the roles, with the other side stopped at its worst moment."""
    database = new_database()
    with (
        psycopg.connect(cluster.url("postgres")) as other,
        ThreadPoolExecutor(1) as pool,
    ):
        other.execute("CREATE ROLE wallet_owner NOLOGIN")
        other.execute("CREATE ROLE wallet_app LOGIN")
        deploy = pool.submit(HERE.sqitch, database, "deploy")
        waiting = "SELECT 1 FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND datname = %s"
        while not (found := database.execute(waiting, database.name)) and not deploy.done():
            time.sleep(0.01)
        other.commit()
        deploy.result()
    assert found, "the deploy did not meet the other's roles"
    HERE.sqitch(database, "verify")


def test_two_deploys_at_once_on_one_database_both_succeed(
    new_database: Callable[[], Database],
) -> None:
    """As when two machines of one service start at the same time."""
    database = new_database()
    start = threading.Barrier(2)

    def deploy(_: int) -> None:
        start.wait()
        HERE.sqitch(database, "deploy")

    with ThreadPoolExecutor(2) as pool:
        list(pool.map(deploy, range(2)))
    assert deployed(database) == names()
    HERE.sqitch(database, "verify")
