"""What a tag covers never changes; a function may, once it is reworked."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from tests.migrations import frozen
from tests.migrations.frozen import COMMAND, MANIFEST
from tests.migrations.project import HERE, Project
from tests.support.databases import Database

# Tags that the real plan will not have.
FIRST, SECOND = "v90.1", "v90.2"
NOTE = ("--note", "Made up by a test")
FUNCTION = "functions/transfer"
SOURCE = f"sql/{FUNCTION}.sql"
BODY = "AS $$\n"


@pytest.fixture
def copy(tmp_path: Path) -> Project:
    """A copy of the project, tagged and frozen."""
    copy = HERE.copy(tmp_path)
    (tmp_path / MANIFEST).parent.mkdir(parents=True)
    shutil.copy(HERE.folder / MANIFEST, tmp_path / MANIFEST)
    copy.sqitch(None, "tag", FIRST, *NOTE)
    frozen.freeze(copy)
    assert frozen.problems(copy) == []
    return copy


def change_text(copy: Project, path: str, old: str = "\n", new: str = "\n\n") -> None:
    file = copy.folder / path
    text = file.read_text(encoding="utf-8")
    assert old in text
    file.write_text(text.replace(old, new, 1), encoding="utf-8")


def body(database: Database) -> str:
    """The body of transfer() without a key in a database."""
    rows = database.execute(
        "SELECT prosrc FROM pg_proc "
        "WHERE oid = 'wallet.transfer(bigint, bigint, numeric)'::regprocedure"
    )
    return str(rows[0]["prosrc"])


def test_what_was_released_is_unchanged() -> None:
    problems = frozen.problems(HERE)
    assert not problems, "\n".join(problems)


def test_a_tag_that_is_not_listed_is_noticed(tmp_path: Path) -> None:
    copy = HERE.copy(tmp_path)
    (tmp_path / MANIFEST).parent.mkdir(parents=True)
    shutil.copy(HERE.folder / MANIFEST, tmp_path / MANIFEST)
    copy.sqitch(None, "tag", FIRST, *NOTE)
    (problem,) = frozen.problems(copy)
    assert COMMAND in problem
    assert frozen.freeze(copy) > 0
    assert frozen.problems(copy) == []
    assert frozen.freeze(copy) == 0


@pytest.mark.parametrize(
    "path",
    [
        "deploy/account.sql",
        "revert/account.sql",
        "verify/account.sql",
        SOURCE,
        f"revert/{FUNCTION}.sql",
        f"verify/{FUNCTION}.sql",
        "sqitch.plan",
    ],
)
def test_a_change_to_what_was_released_is_noticed(copy: Project, path: str) -> None:
    change_text(copy, path)
    problems = frozen.problems(copy)
    assert problems
    assert all("put it back" in problem for problem in problems)
    assert path.removeprefix("sql/") in problems[0]


def test_a_script_or_a_change_that_is_gone_is_noticed(copy: Project) -> None:
    (copy.folder / "revert/account.sql").unlink()
    (problem,) = frozen.problems(copy)
    assert "revert/account.sql" in problem

    shutil.copy(HERE.folder / "revert/account.sql", copy.folder / "revert/account.sql")
    lines = copy.plan_lines()
    plan = [line for line in lines if not line.startswith(f"{FUNCTION} ")]
    (copy.folder / "sqitch.plan").write_text("\n".join([*plan, ""]), encoding="utf-8")
    assert any(f"{FUNCTION}@" in problem for problem in frozen.problems(copy))


def test_a_new_change_and_a_new_tag_leave_what_was_released_alone(copy: Project) -> None:
    copy.add("later", deploy="SELECT 1;", revert="SELECT 1;", verify="SELECT 1 / 1;")
    assert frozen.problems(copy) == []
    change_text(copy, "deploy/later.sql")
    assert frozen.problems(copy) == []
    copy.sqitch(None, "tag", SECOND, *NOTE)
    assert frozen.freeze(copy) == 4, "its three scripts and the plan"
    assert frozen.problems(copy) == []


def test_a_reworked_function_may_change_and_its_released_text_may_not(
    copy: Project, database: Database
) -> None:
    released = (copy.folder / SOURCE).read_text(encoding="utf-8")

    # Reworked: the source is free, and what Sqitch put aside is not.
    copy.sqitch(None, "rework", FUNCTION, *NOTE)
    aside = [change for change in copy.changes() if change.name == FUNCTION][-2]
    assert "@" in aside.stem
    assert (copy.folder / aside.script("deploy")).read_text(encoding="utf-8") == released
    assert frozen.problems(copy) == []
    change_text(copy, SOURCE, BODY, f"{BODY}-- one\n")
    change_text(copy, f"verify/{FUNCTION}.sql")
    assert frozen.problems(copy) == []
    for kind in ("deploy", "revert", "verify"):
        path = aside.script(kind)
        text = (copy.folder / path).read_text(encoding="utf-8")
        change_text(copy, path)
        (problem,) = frozen.problems(copy)
        assert path in problem
        (copy.folder / path).write_text(text, encoding="utf-8")

    # Tagged: the new text is released as well.
    copy.sqitch(None, "tag", SECOND, *NOTE)
    assert frozen.freeze(copy) == 4
    change_text(copy, SOURCE, "-- one", "-- two")
    (problem,) = frozen.problems(copy)
    assert f"deploy/{FUNCTION}@{SECOND}" in problem

    # Reworked once more: both released texts lie aside, and Sqitch runs what is looked at here.
    change_text(copy, SOURCE, "-- two", "-- one")
    copy.sqitch(None, "rework", FUNCTION, *NOTE)
    change_text(copy, SOURCE, "-- one", "-- two")
    assert frozen.problems(copy) == []
    instances = [change for change in copy.changes() if change.name == FUNCTION]
    assert len(instances) >= 3
    for change in instances[-3:]:
        name = change.script("deploy").removeprefix("deploy/").removesuffix(".sql")
        shown = copy.sqitch(None, "show", "deploy", name if "@" in name else f"{name}@HEAD")
        text = (copy.folder / change.script("deploy")).read_text(encoding="utf-8")
        assert shown.rstrip() == text.rstrip(), change

    # And a real database goes there and back.
    before = body(database)
    copy.sqitch(database, "deploy")
    assert "-- two" in body(database)
    assert "Check successful" in copy.sqitch(database, "check")
    copy.sqitch(database, "revert", "--to", f"@{SECOND}", "-y")
    assert "-- one" in body(database)
    copy.sqitch(database, "revert", "--to", f"@{FIRST}", "-y")
    assert body(database) == before


def test_a_function_that_was_released_twice_is_put_aside_under_the_last_tag(copy: Project) -> None:
    copy.add("later", deploy="SELECT 1;", revert="SELECT 1;", verify="SELECT 1 / 1;")
    copy.sqitch(None, "tag", SECOND, *NOTE)
    frozen.freeze(copy)
    copy.sqitch(None, "rework", FUNCTION, *NOTE)
    before, after = [change for change in copy.changes() if change.name == FUNCTION][-2:]
    assert before.script("deploy") == f"deploy/{FUNCTION}@{SECOND}.sql"
    assert after.script("deploy") == f"deploy/{FUNCTION}.sql"
    assert frozen.problems(copy) == []
