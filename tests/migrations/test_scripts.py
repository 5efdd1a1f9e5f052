"""Rules that each script of the Sqitch project keeps."""

from __future__ import annotations

import os
import re
from pathlib import Path

import pytest

from tests.migrations.project import HERE, KINDS, Change, scripts

NAME = re.compile(r"[a-z][a-z0-9_]*(/[a-z][a-z0-9_]*)*(\.[a-z][a-z0-9_]*)?")
TAG = re.compile(r"@v\d+\.\d+")


def each(*kinds: str) -> pytest.MarkDecorator:
    """Run a test for each script of these kinds, by its path."""
    return pytest.mark.parametrize(
        ("kind", "change", "script"),
        [
            pytest.param(kind, change, path, id=str(path.relative_to(HERE.folder)))
            for kind, change, path in scripts()
            if kind in kinds
        ],
    )


def code(script: Path) -> str:
    """A script without the lines that are comments."""
    lines = script.read_text(encoding="utf-8").splitlines()
    return "\n".join(line for line in lines if not line.lstrip().startswith("--")).strip()


def is_function(change: Change) -> bool:
    return change.name.startswith("functions/")


@each(*KINDS)
def test_a_change_has_all_its_scripts(kind: str, change: Change, script: Path) -> None:
    assert script.is_file()


def test_each_script_belongs_to_a_change() -> None:
    found = {path for kind in KINDS for path in (HERE.folder / kind).rglob("*") if path.is_file()}
    assert found == {path for _, _, path in scripts()}


@each(*KINDS)
def test_a_script_is_one_transaction(kind: str, change: Change, script: Path) -> None:
    text = code(script)
    end = "ROLLBACK;" if kind == "verify" else "COMMIT;"
    assert text.startswith("BEGIN;\n")
    assert text.endswith(f"\n{end}")
    # The BEGIN of a block in PL/pgSQL has no semicolon.
    words = r"^ *((?:BEGIN|START TRANSACTION|COMMIT|ROLLBACK|ABORT)\b[^;\n]*;)"
    assert re.findall(words, text, re.M) == ["BEGIN;", end]
    assert not re.search(r"^\\", text, re.M), "psql's own commands are not for migrations"


@each(*KINDS)
def test_a_script_says_what_it_is(kind: str, change: Change, script: Path) -> None:
    """A function's file opens with what it guarantees; so does the revert of a rework."""
    text = script.read_text(encoding="utf-8")
    if kind == "verify":
        assert text.startswith(f"-- Verify pgwallet:{change.name} on pg\n")
    elif kind == "revert" and not change.reworks:
        assert text.startswith(f"-- Revert pgwallet:{change.name} from pg\n")
    elif kind == "deploy" and not is_function(change):
        assert text.startswith(f"-- Deploy pgwallet:{change.name} to pg\n")
        assert tuple(re.findall(r"^-- requires: (\S+)$", text, re.M)) == change.requires
    else:
        assert re.match(r"-- [A-Z][a-z]", text)


@each(*KINDS)
def test_only_functions_and_reworked_views_are_replaced(
    kind: str, change: Change, script: Path
) -> None:
    replaced = re.findall(r"CREATE OR REPLACE (\w+)", code(script))
    if is_function(change) and (kind == "deploy" or (kind == "revert" and change.reworks)):
        assert replaced == ["FUNCTION"]
    elif change.name == "views" and kind == "deploy" and change.reworks:
        assert set(replaced) == {"VIEW"}
    else:
        assert not replaced


@each("deploy", "revert")
def test_a_script_hides_no_error(kind: str, change: Change, script: Path) -> None:
    """What is not there cannot be reverted, and what is there cannot be deployed again.

    Roles are the cluster's: others may have made or dropped them.
    """
    if change.name not in ("roles", "reader"):
        assert not re.search(r"\bIF\s+(NOT\s+)?EXISTS\b(?!\s*\()", code(script))
        assert not re.search(r"\bWHEN\s+OTHERS\b", code(script))


@each("revert")
def test_a_revert_takes_nothing_else_along(kind: str, change: Change, script: Path) -> None:
    assert not re.search(r"\bCASCADE\b", code(script))


@each("verify")
def test_a_verify_script_can_fail(kind: str, change: Change, script: Path) -> None:
    """`SELECT false` is a row like any other: only an error stops psql."""
    text = code(script)
    assert re.search(r"\bSELECT 1 / |\bRAISE EXCEPTION\b|\bASSERT\b", text)
    assert not re.search(r"^ *SELECT\s+(true|false|has_\w+\(|(NOT )?EXISTS\b)", text, re.M)
    assert not re.search(r"\b(next|set)val\b", text), "sequences do not roll back"


@each(*KINDS)
def test_a_function_is_deployed_from_its_source(kind: str, change: Change, script: Path) -> None:
    """sql/functions/ has today's function. What a rework put aside is a copy, in a real file."""
    if kind == "deploy" and is_function(change) and "@" not in change.stem:
        name = change.name.removeprefix("functions/")
        assert script.is_symlink()
        assert os.readlink(script) == f"../../sql/functions/{name}.sql"
    else:
        assert not script.is_symlink()


def test_each_function_has_a_change() -> None:
    sources = {f"functions/{path.stem}" for path in HERE.folder.glob("sql/functions/*")}
    assert sources == {change.name for change in HERE.changes() if is_function(change)}


def test_the_plan_is_well_formed() -> None:
    """Each line has its time, its planner and a note: HERE.changes() reads no other."""
    assert HERE.plan_lines()[:2] == ["%syntax-version=1.0.0", "%project=pgwallet"]
    known: set[str] = set()
    for change in HERE.changes():
        assert NAME.fullmatch(change.name), change
        for required in change.requires:
            assert required.partition("@")[0] in known, f"{change} requires {required}"
        known.add(change.name)
    for tag in HERE.tags():
        assert TAG.fullmatch(tag), tag


def test_the_plan_merges_by_union() -> None:
    attributes = (HERE.folder / ".gitattributes").read_text(encoding="utf-8").splitlines()
    assert "sqitch.plan merge=union" in attributes
