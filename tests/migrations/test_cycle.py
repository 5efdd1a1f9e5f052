"""Deploy, verify, revert and deploy again, with the real Sqitch on real databases."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from tests.migrations.project import HERE, Project, deployed, names
from tests.support.databases import Database
from tools import schema


def catalogue(database: Database) -> dict[str, list[Any]]:
    """All that a migration could leave behind in a database, and the roles of the cluster.

    Sqitch's own schema, where it keeps its history, is not counted.
    """
    objects = """
        SELECT format('%s %s', d.classid::regclass, pg_describe_object(d.classid, d.objid, 0))
               AS object
        FROM pg_depend d JOIN pg_namespace n ON n.oid = d.refobjid
        WHERE d.refclassid = 'pg_namespace'::regclass
          AND n.nspname NOT IN ('pg_catalog', 'information_schema', 'pg_toast', 'sqitch')
        ORDER BY 1
    """
    privileges = """
        SELECT acl.grantee::regrole::text AS grantee, acl.privilege_type AS privilege
        FROM pg_database d, aclexplode(coalesce(d.datacl, acldefault('d', d.datdba))) acl
        WHERE d.datname = current_database()
        ORDER BY 1, 2
    """
    return {
        "schemas": database.execute(
            "SELECT nspname FROM pg_namespace "
            "WHERE nspname NOT LIKE 'pg\\_%%' AND nspname <> 'sqitch' ORDER BY 1"
        ),
        "objects": database.execute(objects),
        "default privileges": database.execute(
            "SELECT defaclrole::regrole::text, defaclobjtype, defaclacl::text FROM pg_default_acl"
        ),
        "privileges on the database": database.execute(privileges),
        "what roles own or may do here": database.execute(
            "SELECT refobjid::regrole::text, classid::regclass::text FROM pg_shdepend s "
            "JOIN pg_database d ON d.oid = s.dbid "
            "WHERE d.datname = current_database() AND refclassid = 'pg_authid'::regclass "
            "ORDER BY 1, 2"
        ),
        "roles": database.execute("SELECT rolname FROM pg_roles ORDER BY 1"),
    }


def test_deploy_verify_revert_and_deploy_again(new_database: Callable[[], Database]) -> None:
    database = new_database()
    before = catalogue(database)

    HERE.sqitch(database, "deploy")
    assert deployed(database) == names()
    after = catalogue(database)
    assert {"nspname": "wallet"} in after["schemas"]
    HERE.sqitch(database, "verify")

    HERE.sqitch(database, "revert", "-y")
    assert deployed(database) == []
    left = catalogue(database)
    for what, expected in before.items():
        assert left[what] == expected, f"a revert leaves something behind: {what}"

    HERE.sqitch(database, "deploy")
    assert deployed(database) == names()
    assert catalogue(database) == after
    HERE.sqitch(database, "verify")


def test_each_verify_passes_until_its_change_is_reverted(deployed_database: Database) -> None:
    changes = HERE.changes()
    targets = [["--to", change_id] for change_id in HERE.ids()]
    for index, change in reversed(list(enumerate(changes))):
        done = HERE.verify(deployed_database, change)
        assert done.returncode == 0, f"verify of {change} fails once deployed:\n{done.stdout}"

        HERE.sqitch(deployed_database, "revert", *(targets[index - 1] if index else []), "-y")
        assert deployed(deployed_database) == [before.name for before in changes[:index]]
        done = HERE.verify(deployed_database, change)
        assert done.returncode == 3, f"verify of {change} passes though it is reverted"
        assert "ERROR:" in done.stdout


def test_deploying_twice_changes_nothing(deployed_database: Database) -> None:
    history = "SELECT event, change, committed_at FROM sqitch.events ORDER BY committed_at"
    events = deployed_database.execute(history)
    before = schema.dump(deployed_database.environ())

    assert "Nothing to deploy" in HERE.sqitch(deployed_database, "deploy")
    assert schema.dump(deployed_database.environ()) == before
    assert deployed_database.execute(history) == events


def test_check_finds_the_deployed_scripts_unchanged(deployed_database: Database) -> None:
    assert "Check successful" in HERE.sqitch(deployed_database, "check")
    assert "up-to-date" in HERE.sqitch(deployed_database, "status")


def test_check_notices_a_deployed_script_that_changed(
    deployed_database: Database, tmp_path: Path
) -> None:
    copy = HERE.copy(tmp_path)
    with (tmp_path / "sql/functions/transfer.sql").open("a") as script:
        script.write("-- One more line.\n")
    done = copy.run(deployed_database, "check")
    assert done.returncode != 0
    assert "functions/transfer" in done.stdout


def test_a_bundle_deploys_without_the_checkout(
    new_database: Callable[[], Database], deployed_database: Database, tmp_path: Path
) -> None:
    HERE.sqitch(None, "bundle", "--dest-dir", str(tmp_path))
    bundle = Project(tmp_path)
    files = list(tmp_path.rglob("*.sql"))
    assert len(files) == 3 * len(names())
    assert not [path for path in files if path.is_symlink()]

    database = new_database()
    bundle.sqitch(database, "deploy")
    bundle.sqitch(database, "verify")
    assert schema.dump(database.environ()) == schema.dump(deployed_database.environ())
    # Bundle and checkout are the same project: each knows what the other deployed.
    assert "Check successful" in HERE.sqitch(database, "check")
    assert "Nothing to deploy" in HERE.sqitch(database, "deploy")
