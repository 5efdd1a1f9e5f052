"""sql/schema.sql: the schema of today as one file, made by pg_dump from what Sqitch deploys.

pg_dump orders by kind; here each table and each function stands with all that belongs to it. The
file can be run: on a server that has the three roles it makes the same schema.
"""

from __future__ import annotations

import os
import re
import subprocess
from dataclasses import dataclass

from tools.embedded import CHECKOUT

SCHEMA = CHECKOUT / "sql/schema.sql"
HEADER = """\
-- Written by `make docs` from what Sqitch deploys. Not to be edited.
-- The roles that it names are made by deploy/roles.sql.

-- A body may call a function that comes further down.
SET check_function_bodies = false;
"""

# pg_dump puts such a heading over each statement, or over the few that make one object.
_HEADING = re.compile(r"^--\n-- Name: (.+); Type: (.+); Schema: (.+); Owner: .*\n--\n", re.M)
_END = "--\n-- PostgreSQL database dump complete\n--"
# Session settings that pg_dump changes between two objects.
_SETTINGS = re.compile(r"(\n+SET default_\w+ = [^\n]*;)+$")
_OWNER = re.compile(r"\n{3,}(ALTER [^\n]+ OWNER TO \w+;)$")
_NAME = re.compile(r"\bwallet\.(\w+)")
# A stamp that newer servers give the columns of each table that is made.
_STAMP = re.compile(r"^ALTER TABLE ONLY [^\n]+ SET \(pg_attver=\d+\);\n+", re.M)
# Statements that name two objects stand last, under a heading of their own.
_LAST = {"FK CONSTRAINT": "Foreign keys", "TRIGGER": "Triggers"}
_CALLED_BY_TABLES = ("wallet.is_complete()", "wallet.is_within_limits()")
_ROUTINES = ("FUNCTION", "PROCEDURE", "AGGREGATE")


@dataclass(frozen=True)
class _Entry:
    """What pg_dump wrote under one heading."""

    name: str
    type: str
    schema: str
    sql: str

    @property
    def is_ours(self) -> bool:
        return (
            self.schema == "wallet"
            or (self.type == "SCHEMA" and self.name == "wallet")
            or self.name == "SCHEMA wallet"
            or (self.type == "DEFAULT ACL" and "wallet_owner" in self.sql)
        )

    @property
    def group(self) -> str:
        """The heading that it gets here. A statement is about the first object that it names."""
        if self.type in _LAST:
            return _LAST[self.type]
        named = _NAME.search(self.sql) if self.schema == "wallet" else None
        # A function may bear the name of a table.
        is_routine = self.type in _ROUTINES or self.name.startswith(_ROUTINES)
        return named.group() + "()" * is_routine if named else "Schema wallet"


def _entries(dump: str) -> list[_Entry]:
    parts = _HEADING.split(_STAMP.sub("", dump.partition(_END)[0]))[1:]
    return [
        _Entry(name, type, schema, _OWNER.sub(r"\n\n\1", _SETTINGS.sub("", sql.strip())))
        for name, type, schema, sql in zip(*[iter(parts)] * 4, strict=True)
    ]


def _rank(entries: list[_Entry]) -> int:
    """The schema, then what holds data, then what refers to it, then routines, then triggers."""
    if entries[0].group in ("Schema wallet", "wallet.max_amount()"):  # Which the domains call.
        return 0
    if entries[0].group in _CALLED_BY_TABLES:
        return 1
    if entries[0].type == "TRIGGER":
        return 4
    if entries[0].type == "FK CONSTRAINT":
        return 2
    return 3 if entries[0].type in _ROUTINES else 1


def _section(entries: list[_Entry]) -> str:
    heading = entries[0].group.removesuffix("()")
    if heading.startswith("wallet."):
        heading = f"{entries[0].type.capitalize()} {heading}"
    lines = [f"-- {heading}"]
    for entry, before in zip(entries, [None, *entries], strict=False):
        # Comments on a table's columns are read as one list.
        if before is None or (entry.type, before.type) != ("COMMENT", "COMMENT"):
            lines.append("")
        lines.append(entry.sql)
    return "\n".join(lines)


def arrange(dump: str) -> str:
    """What a plain dump of pg_dump says about schema wallet.

    It leaves out the versions, session settings, and keys that differ each time.
    """
    groups: dict[str, list[_Entry]] = {}
    for entry in _entries(dump):
        if entry.is_ours:
            groups.setdefault(entry.group, []).append(entry)
    return "\n\n".join([HEADER.rstrip(), *map(_section, sorted(groups.values(), key=_rank))]) + "\n"


def dump(environ: dict[str, str]) -> str:
    """The schema of the database that libpq's variables in `environ` name."""
    # With --schema=wallet the default privileges would be missing: they belong to no schema.
    command = ["pg_dump", "--schema-only", "--exclude-schema=sqitch"]
    return arrange(subprocess.check_output(command, env={**os.environ, **environ}, text=True))
