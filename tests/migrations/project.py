"""A Sqitch project as a folder: its plan, its scripts, and the real Sqitch."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

from tests.support.databases import Database
from tools.embedded import CHECKOUT

KINDS = ("deploy", "revert", "verify")
_LINE = re.compile(
    r"(?P<name>[^\s@\[]+)(?: \[(?P<requires>[^\]]+)\])?"
    r" \d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ [^<>\s][^<>]* <[^<>\s]+> # \S.*"
)


@dataclass(frozen=True)
class Project:
    folder: Path

    @property
    def plan(self) -> str:
        return (self.folder / "sqitch.plan").read_text(encoding="utf-8")

    def changes(self) -> list[tuple[str, list[str]]]:
        """Each change's name and what it requires, first change first."""
        found = []
        for line in self.plan.splitlines():
            if line and not line.startswith(("%", "#", "@")):
                match = _LINE.fullmatch(line)
                assert match, f"sqitch.plan has a line that is not well formed: {line}"
                found.append((match["name"], (match["requires"] or "").split()))
        return found

    def names(self) -> list[str]:
        return [name for name, _ in self.changes()]

    def tags(self) -> list[str]:
        """`@v1.0` and so on, first tag first."""
        return re.findall(r"^@\S+", self.plan, re.MULTILINE)

    def script(self, kind: str, name: str) -> str:
        return (self.folder / kind / f"{name}.sql").read_text(encoding="utf-8")

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
        for kind, text in (("deploy", deploy), ("revert", revert), ("verify", verify)):
            end = "ROLLBACK" if kind == "verify" else "COMMIT"
            script = self.folder / kind / f"{name}.sql"
            script.write_text(f"BEGIN;\n{text}\n{end};\n", encoding="utf-8")

    def run(
        self, database: Database | None, *arguments: str, user: str | None = None
    ) -> subprocess.CompletedProcess[str]:
        """Run Sqitch here; as a superuser if no user is named."""
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


HERE = Project(CHECKOUT)


def record(database: Database) -> None:
    """Let Sqitch know of what was deployed without it."""
    HERE.sqitch(database, "deploy", "--log-only", "--no-verify")


def deployed(database: Database) -> list[str]:
    """The changes that Sqitch has on record as deployed, in their order."""
    rows = database.execute("SELECT change FROM sqitch.changes ORDER BY committed_at")
    return [row["change"] for row in rows]
