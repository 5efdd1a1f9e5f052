"""A Sqitch project as a folder: its plan, the scripts of each change, and the real programs."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from tests.support.databases import Database
from tools.embedded import CHECKOUT

KINDS = ("deploy", "revert", "verify")
_LINE = re.compile(
    r"(?P<at>@?)(?P<name>[^\s@\[]+)"
    r"(?: \[(?P<requires>[^\]]+)\])?"
    r" (?P<time>\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ)"
    r" (?P<planner>[^<>\s][^<>]*) <(?P<email>[^<>\s]+)>"
    r" # (?P<note>\S.*)"
)


@dataclass(frozen=True)
class Change:
    """A line of the plan. A function that was reworked has several, with a tag between them."""

    name: str
    requires: tuple[str, ...]
    tag: str | None
    """The first tag that covers it: what it was released with. `@v0.1`."""
    stem: str
    """Where its scripts lie in deploy/, revert/ and verify/, without `.sql`."""
    reworks: bool
    """Whether an earlier line has the same name."""

    def __str__(self) -> str:
        """The name that Sqitch knows it by: the change as of a tag, or as of now."""
        return f"{self.name}{self.tag or ''}"

    def script(self, kind: str) -> str:
        """Its script's path from the project's folder."""
        return f"{kind}/{self.stem}.sql"


@dataclass(frozen=True)
class Project:
    folder: Path

    def plan_lines(self) -> list[str]:
        return (self.folder / "sqitch.plan").read_text(encoding="utf-8").splitlines()

    def changes(self) -> list[Change]:
        """The plan, first change first."""
        found: list[tuple[str, tuple[str, ...]]] = []
        tags: list[tuple[int, str]] = []  # After how many changes each stands.
        for line in self.plan_lines():
            if not line or line.startswith(("%", "#")):
                continue
            match = _LINE.fullmatch(line)
            if match is None:
                raise ValueError(f"sqitch.plan has a line that is not well formed: {line}")
            if match["at"]:
                tags.append((len(found), f"@{match['name']}"))
            else:
                found.append((match["name"], tuple((match["requires"] or "").split())))
        names = [name for name, _ in found]
        return [
            Change(
                name=name,
                requires=requires,
                tag=next((tag for after, tag in tags if after > index), None),
                stem=self._stem(names, index, tags),
                reworks=name in names[:index],
            )
            for index, (name, requires) in enumerate(found)
        ]

    def _stem(self, names: list[str], index: int, tags: list[tuple[int, str]]) -> str:
        """The name; after a rework with the tag that Sqitch put the old scripts aside under.

        That is the last tag there was when the rework was made. Any between the two count, and the
        files say which.
        """
        name = names[index]
        if name not in names[index + 1 :]:
            return name
        next_index = names.index(name, index + 1)
        between = [f"{name}{tag}" for after, tag in tags if index < after <= next_index]
        for stem in between:
            if (self.folder / f"deploy/{stem}.sql").exists():
                return stem
        return between[0] if between else name

    def ids(self) -> list[str]:
        """Sqitch's id of each change of the plan: a name that is never ambiguous."""
        return self.sqitch(None, "plan", "--no-headers", "--format", "format:%H").split()

    def tags(self) -> dict[str, str]:
        """Each tag with the plan's text up to it."""
        lines = self.plan_lines()
        return {
            line.split(" ", 1)[0]: "\n".join(lines[: number + 1]) + "\n"
            for number, line in enumerate(lines)
            if line.startswith("@")
        }

    def copy(self, folder: Path) -> Project:
        """A copy to change at will, links and all."""
        for part in ("deploy", "revert", "verify", "sql/functions"):
            shutil.copytree(self.folder / part, folder / part, symlinks=True)
        for part in ("sqitch.plan", "sqitch.conf"):
            shutil.copy(self.folder / part, folder / part)
        return Project(folder)

    def add(self, name: str, *, deploy: str, revert: str, verify: str) -> None:
        """Add a change at the end of the plan, with these statements in its scripts."""
        self.sqitch(None, "add", name, "--note", "Made up by a test")
        for kind, statements, end in (
            ("deploy", deploy, "COMMIT"),
            ("revert", revert, "COMMIT"),
            ("verify", verify, "ROLLBACK"),
        ):
            script = self.folder / kind / f"{name}.sql"
            script.write_text(f"BEGIN;\n{statements}\n{end};\n", encoding="utf-8")

    def run(
        self, database: Database | None, *arguments: str, user: str | None = None
    ) -> subprocess.CompletedProcess[str]:
        """Run the real Sqitch here; as a superuser if no user is named."""
        return subprocess.run(
            ["sqitch", *arguments],
            cwd=self.folder,
            env={
                **os.environ,
                **(database.environ(user) if database else {}),
                "SQITCH_FULLNAME": "A test",
                "SQITCH_EMAIL": "test@example.com",
            },
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
        )

    def sqitch(self, database: Database | None, *arguments: str, user: str | None = None) -> str:
        """Run Sqitch, which must succeed, and return what it printed."""
        done = self.run(database, *arguments, user=user)
        assert done.returncode == 0, f"sqitch {' '.join(arguments)} failed:\n{done.stdout}"
        return done.stdout

    def verify(
        self, database: Database, change: Change, before: str = ""
    ) -> subprocess.CompletedProcess[str]:
        """Run a change's verify script alone, as Sqitch does.

        What runs `before` it is in the transaction that the script rolls back.
        """
        first = ("-c", f"BEGIN; {before}") if before else ()
        return psql(database, *first, "-f", str(self.folder / change.script("verify")))


# The project in this checkout.
HERE = Project(CHECKOUT)


def psql(database: Database, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run psql as a superuser; it stops at the first error with exit code 3."""
    return subprocess.run(
        ["psql", "--no-psqlrc", "--quiet", "--set=ON_ERROR_STOP=1", *arguments],
        env={**os.environ, **database.environ()},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )


def deployed(database: Database) -> list[str]:
    """The changes that Sqitch holds for deployed, in their order."""
    rows = database.execute("SELECT change FROM sqitch.changes ORDER BY committed_at")
    return [row["change"] for row in rows]


def names(project: Project = HERE) -> list[str]:
    return [change.name for change in project.changes()]


def scripts(project: Project = HERE) -> Iterator[tuple[str, Change, Path]]:
    """Every script that Sqitch may run: its kind, its change and its path."""
    for change in project.changes():
        for kind in KINDS:
            yield kind, change, project.folder / change.script(kind)
