"""What each script of the Sqitch project must be like."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from pathlib import Path

from tests.migrations.project import HERE, KINDS

# A BEGIN of PL/pgSQL has no semicolon.
TRANSACTION = re.compile(
    r"^ *((?:BEGIN|START TRANSACTION|COMMIT|ROLLBACK|ABORT)\b[^;\n]*;)", re.MULTILINE
)


def problems(kind: str, name: str, text: str) -> Iterator[str]:
    """What is wrong with a script."""
    code = re.sub(r"^ *--.*\n", "", text, flags=re.MULTILINE).strip()
    end = "ROLLBACK;" if kind == "verify" else "COMMIT;"
    function = name.startswith("functions/")
    if TRANSACTION.findall(code) != ["BEGIN;", end]:
        yield "it is not one transaction"
    if not (code.startswith("BEGIN;\n") and code.endswith(f"\n{end}")):
        yield f"it has code before BEGIN or after {end}"
    if re.search(r"^\\", code, re.MULTILINE):
        yield "it has commands of psql's own"

    word = {"deploy": "to", "revert": "from", "verify": "on"}[kind]
    heading = f"-- {kind.capitalize()} pgwallet:{name} {word} pg\n"
    if function and kind == "deploy":
        if not re.match(r"-- [A-Z][a-z]", text):
            yield "it does not open with what the function guarantees"
        if set(re.findall(r"CREATE (OR REPLACE )?FUNCTION", code)) != {"OR REPLACE "}:
            yield "it cannot be run again by hand"
    elif not text.startswith(heading) and "@" not in name:
        yield f"it does not open with {heading!r}"
    elif kind == "deploy":
        requires = dict(HERE.changes())[name]
        if re.findall(r"^-- requires: (\S+)$", text, re.MULTILINE) != requires:
            yield f"the plan says that it requires {requires}"

    # The roles are the cluster's: another database's deploy or revert may have been there first.
    # set_aside_pending() records whatever processing a transfer raises.
    hidden = r"\bIF\s+(NOT\s+)?EXISTS\b(?!\s*\()|\bWHEN\s+OTHERS\b"
    if (
        kind != "verify"
        and name not in ("roles", "functions/set_aside_pending")
        and re.search(hidden, code)
    ):
        yield "it hides an error"
    if kind == "revert" and re.search(r"\bCASCADE\b", code):
        yield "it drops more than its change made"
    if kind == "verify" and not re.search(r"\bSELECT 1 / ", code):
        yield "it cannot fail: psql stops at an error, not at a false"


def test_scripts_keep_the_rules() -> None:
    found = []
    for kind in KINDS:
        for path in sorted((HERE.folder / kind).rglob("*.sql")):
            name = path.relative_to(HERE.folder / kind).with_suffix("").as_posix()
            text = path.read_text(encoding="utf-8")
            found += [f"{kind}/{name}: {problem}" for problem in problems(kind, name, text)]
    assert not found, "\n".join(found)


def test_each_change_has_its_three_scripts_and_there_are_no_others() -> None:
    for kind in KINDS:
        folder = HERE.folder / kind
        files = {p.relative_to(folder).as_posix() for p in folder.rglob("*") if not p.is_dir()}
        # A rework sets a function's released scripts aside as transfer@v1.0.sql.
        files = {name for name in files if "@" not in name}
        assert files == {f"{name}.sql" for name in HERE.names()}, kind


def test_each_function_is_deployed_from_its_source() -> None:
    functions = [name for name in HERE.names() if name.startswith("functions/")]
    assert {f"functions/{path.stem}" for path in HERE.folder.glob("sql/functions/*")} == set(
        functions
    )
    for name in functions:
        assert os.readlink(HERE.folder / f"deploy/{name}.sql") == f"../../sql/{name}.sql"
    links = [
        path for kind in KINDS for path in (HERE.folder / kind).rglob("*") if path.is_symlink()
    ]
    assert len(links) == len(set(functions))


def test_the_plan_is_in_order() -> None:
    assert HERE.plan.startswith("%syntax-version=1.0.0\n%project=pgwallet\n")
    known: set[str] = set()
    for name, requires in HERE.changes():
        assert re.fullmatch(r"[a-z][a-z0-9_]*(/[a-z][a-z0-9_]*)?", name)
        assert set(requires) <= known, f"{name} requires what comes later"
        known.add(name)
    assert HERE.names()[-1] == "help", "its revert is the guard of all others"
    for tag in HERE.tags():
        assert re.fullmatch(r"@v\d+\.\d+", tag)
    assert "sqitch.plan merge=union" in (HERE.folder / ".gitattributes").read_text().splitlines()


def test_a_bundle_has_real_files(tmp_path: Path) -> None:
    """A link would lead nowhere on the machine that the bundle is deployed from."""
    HERE.sqitch(None, "bundle", "--dest-dir", str(tmp_path))
    files = list(tmp_path.rglob("*.sql"))
    assert len(files) == 3 * len(HERE.names())
    assert not [path for path in files if path.is_symlink()]
