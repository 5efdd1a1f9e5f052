"""What a tag of the plan covers stays as it was tagged, and a tagged ledger can be changed."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.migrations.project import HERE, KINDS, Project, deployed, record
from tests.support.calls import call, value
from tests.support.databases import Database, assert_sound, scripts

TAG = "v90.1"
FUNCTION = "functions/transfer"
SOURCE = f"sql/{FUNCTION}.sql"
# A thousand transfers between a hundred accounts.
FILL = """
    SELECT wallet.create_account(format('User%s@example.com', n)) FROM generate_series(1, 100) n;
    SELECT wallet.deposit(n, 5000) FROM generate_series(1, 100) n;
    SELECT wallet.transfer(n % 99 + 1, 100 - n % 2, n * 0.01) FROM generate_series(1, 1000) n
    WHERE n % 99 + 1 < 99
"""
# Of every column that the tag covers, and of the sequences.
CHECKSUM = """
    SELECT (SELECT md5(string_agg(ROW(a.id, a.email, a.balance, a.ctime, a.mtime, a.entry_count,
                                      a.frozen)::text, '' ORDER BY a.id))
            FROM wallet.account a) AS account_rows,
           (SELECT md5(string_agg(t::text, '' ORDER BY t.id))
            FROM wallet.transaction t) AS transaction_rows,
           (SELECT last_value FROM wallet.account_id_seq) AS account_id,
           (SELECT last_value FROM wallet.transaction_id_seq) AS transaction_id
"""

BODY = """
    SELECT p.prosrc FROM pg_proc p
    WHERE p.oid = 'wallet.transfer(bigint, bigint, numeric)'::regprocedure
"""
MOVE = "SELECT wallet.transfer(%s, %s, 5)"


def git(folder: Path, *arguments: str) -> str:
    command = ["git", "-c", "safe.directory=*", "-c", "user.name=A test", "-c", "user.email=a@b"]
    return subprocess.check_output([*command, *arguments], cwd=folder, text=True)


def changed(project: Project, scratch: Path) -> Iterator[str]:
    """The scripts and plan lines that are not as they were in the commit that brought a tag."""
    tags = project.tags()
    for index, tag in enumerate(tags):
        brought = ("log", "--reverse", "--format=%H", "--pickaxe-regex", f"-S^{re.escape(tag)} ")
        commit = git(project.folder, *brought, "--", "sqitch.plan").split()
        if not commit:  # A tag freezes what it covers once it is committed.
            continue
        then = Project(scratch / tag)
        then.folder.mkdir()
        parts = ("deploy", "revert", "verify", "sql", "sqitch.plan")
        git(project.folder, "archive", "-o", str(then.folder / "a.tar"), commit[0], *parts)
        subprocess.run(["tar", "-xf", "a.tar"], cwd=then.folder, check=True)
        if not project.plan.startswith(then.plan):
            yield f"sqitch.plan up to {tag}"
        for kind in KINDS:
            for name in set(then.names()):
                # A rework sets the tagged script aside under the last tag before it.
                aside = [f"{name}{later}" for later in tags[index:]]
                files = [file for file in [*aside, name] if has(project, kind, file)]
                text = project.script(kind, files[0]) if files else None
                if text != then.script(kind, name):
                    yield f"{kind}/{name}{tag}"


def has(project: Project, kind: str, name: str) -> bool:
    return (project.folder / kind / f"{name}.sql").exists()


@pytest.fixture
def copy(tmp_path: Path) -> Project:
    """A copy of the project, tagged and committed."""
    copy = HERE.copy(tmp_path / "copy")
    copy.sqitch(None, "tag", TAG, "--note", "Made up by a test")
    git(copy.folder, "init", "--quiet")
    git(copy.folder, "add", ".")
    git(copy.folder, "commit", "--quiet", "--message", "Tag it")
    return copy


def test_what_is_tagged_is_unchanged(tmp_path: Path) -> None:
    found = list(changed(HERE, tmp_path))
    assert not found, (
        f"{found} changed after the tag. Put it back; `sqitch rework` a function first, and "
        "change anything else by a new change"
    )


def test_a_change_to_what_is_tagged_is_noticed(copy: Project, tmp_path: Path) -> None:
    for path, name in (
        ("deploy/account.sql", f"deploy/account@{TAG}"),
        ("revert/account.sql", f"revert/account@{TAG}"),
        (f"verify/{FUNCTION}.sql", f"verify/{FUNCTION}@{TAG}"),
        (SOURCE, f"deploy/{FUNCTION}@{TAG}"),
        ("sqitch.plan", f"sqitch.plan up to @{TAG}"),
    ):
        file = copy.folder / path
        text = file.read_text(encoding="utf-8")
        scratch = tmp_path / name.replace("/", "-")
        scratch.mkdir()
        file.write_text(text.replace("\n\n", "\n\n\n", 1), encoding="utf-8")
        assert list(changed(copy, scratch)) == [name]
        file.write_text(text, encoding="utf-8")
    (copy.folder / "revert/account.sql").unlink()
    assert list(changed(copy, tmp_path)) == [f"revert/account@{TAG}"]


def test_a_tagged_ledger_goes_to_a_rework_and_back(
    copy: Project, database: Database, tmp_path: Path
) -> None:
    """A change that fails takes nothing else with it, least of all the tables with the money."""
    record(database)
    with database.connect() as admin, database.connect("wallet_app") as app:
        admin.execute(FILL)
        for _ in range(8):  # Often enough for a plan in the cache.
            app.execute(MOVE, (1, 2), prepare=True)
        before, body = call(admin, CHECKSUM), value(admin, BODY)

        copy.sqitch(None, "rework", FUNCTION, "--note", "Made up by a test")
        source = copy.folder / SOURCE
        text = source.read_text(encoding="utf-8")
        source.write_text(text.replace("AS $$\n", "AS $$\n-- reworked\n"), encoding="utf-8")
        copy.add(
            "nickname",
            deploy="ALTER TABLE wallet.account ADD COLUMN nickname text;",
            revert="ALTER TABLE wallet.account DROP COLUMN nickname;",
            verify="SELECT nickname FROM wallet.account WHERE false;",
        )
        copy.add(
            "bad",
            deploy="CREATE TABLE wallet.bad ();",
            revert="DROP TABLE wallet.bad;",
            verify="SELECT FROM wallet.bad;",
        )
        assert list(changed(copy, tmp_path)) == []

        for kind in ("deploy", "verify", None):
            script = copy.folder / f"{kind or 'deploy'}/bad.sql"
            sound = script.read_text()
            if kind:
                script.write_text(sound.replace(";\n", "; SELECT 1 / 0;\n", 1))
            done = copy.run(database, "deploy")
            script.write_text(sound)
            assert (done.returncode == 0, "division by zero" in done.stdout) == (
                not kind,
                bool(kind),
            )
            made = deployed(database)[len(HERE.names()) + 1 :]
            assert made == ["nickname", "bad"][: 1 if kind else 2]
            assert (value(admin, "SELECT to_regclass('wallet.bad')") is None) == bool(kind)
            assert call(admin, CHECKSUM) == before
        assert value(admin, BODY) == f"\n-- reworked{body}"
        app.execute(MOVE, (2, 1), prepare=True)
        after = call(admin, CHECKSUM)

        copy.sqitch(database, "revert", "--to", f"@{TAG}", "-y")
        scripts("verify", database)
        assert call(admin, CHECKSUM) == after
        assert value(admin, BODY) == body
        app.execute(MOVE, (2, 1), prepare=True)
        assert_sound(admin)
