"""What the documents list is what there is."""

from __future__ import annotations

import html
import json
import re

import psycopg
from msgspec.structs import fields
from psycopg.rows import DictRow

from service.answers import Account, Transaction
from service.config import Settings
from service.docs import WAYS, page
from service.limits import MAX_WAIT
from service.openapi import DOCUMENT
from service.queue_worker import MAX_ITEMS
from tools import errors_page
from tools.embedded import CHECKOUT

README = (CHECKOUT / "README.md").read_text()
OPERATIONS = (CHECKOUT / "docs/operations.md").read_text()
PAGE = page(DOCUMENT).decode()
MAKEFILE = (CHECKOUT / "Makefile").read_text()


def rows(text: str) -> list[list[str]]:
    """The cells of every table row, without the heads' lines."""
    lines = [line for line in text.splitlines() if line.startswith("| ")]
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]


def test_the_page_of_errors_is_made_from_the_table_of_codes() -> None:
    assert errors_page.PATH.read_text() == errors_page.page()


def test_every_setting_is_listed_with_its_default() -> None:
    listed = {row[0].strip("`"): row[1].strip("`") for row in rows(OPERATIONS)}
    settings = {
        f"WALLET_{field.name.upper()}": field.default
        for field in fields(Settings)
        if field.name != "database_url"
    }
    for name, default in settings.items():
        text = f"{default:g}" if isinstance(default, float) else str(default).lower()
        assert listed.get(name) == text, name
    assert "WALLET_DATABASE_URL" in listed


def test_the_readme_lists_the_functions_that_the_service_or_a_dba_may_call(
    admin: psycopg.Connection[DictRow],
) -> None:
    there = {
        row["name"]
        for row in admin.execute(
            """
            SELECT p.proname AS name FROM pg_proc p
            WHERE p.pronamespace = 'wallet'::regnamespace AND p.prosecdef
            """
        )
    }
    listed = {match[1] for match in re.finditer(r"^\| `wallet\.(\w+)\(", README, re.MULTILINE)}
    assert listed == there


def test_the_three_ways_are_told_alike_in_the_readme_and_on_the_docs_page() -> None:
    listed = rows(README)
    for way in WAYS:
        assert list(way) in listed
    told = " ".join(html.unescape(re.sub("<[^>]+>", " ", PAGE)).split())
    for way in WAYS:
        assert " ".join(" ".join(way).replace("`", " ").split()) in told


def test_the_examples_have_the_members_that_there_are() -> None:
    members = {Account: set(), Transaction: {"failure"}}
    known = [set(struct.__struct_fields__) - optional for struct, optional in members.items()]
    shown = re.findall(r'^(\{"id":.*\})$', f"{README}\n{html.unescape(PAGE)}", re.MULTILINE)
    assert len(shown) >= 10
    for line in shown:
        assert set(json.loads(line)) in known, line


def test_every_decision_opens_with_a_title() -> None:
    for path in (CHECKOUT / "docs/decisions").glob("*.md"):
        assert path.read_text().startswith("# "), path


def test_the_limits_that_the_documents_name_are_those_of_the_service() -> None:
    assert f"{MAX_ITEMS} at a time" in OPERATIONS
    assert f"a GET waits at most {MAX_WAIT:.0f} seconds" in OPERATIONS
    settings = Settings("postgresql:///")
    assert settings.max_wait == settings.statement_timeout * 0.8
    assert "at most 0.8 of `WALLET_STATEMENT_TIMEOUT`" in OPERATIONS


def test_the_views_are_listed(admin: psycopg.Connection[DictRow]) -> None:
    there = {
        row["name"]
        for row in admin.execute(
            """
            SELECT c.relname AS name FROM pg_class c
            WHERE c.relnamespace = 'wallet'::regnamespace AND c.relkind = 'v'
            """
        )
    }
    listed = {match[1] for match in re.finditer(r"^\| `wallet\.(\w+)` \|", README, re.MULTILINE)}
    assert listed == there


def test_every_command_that_the_documents_name_is_there() -> None:
    targets = set(re.findall(r"^([a-z0-9]+):", MAKEFILE, re.MULTILINE))
    texts = [README, OPERATIONS, (CHECKOUT / "CONTRIBUTING.md").read_text()]
    named = {name for text in texts for name in re.findall(r"\bmake ([a-z][a-z0-9]*)\b", text)}
    assert named - {"alone", "runs"} <= targets


def test_every_path_that_the_readme_links_to_is_there() -> None:
    for path in re.findall(r"\]\(([^)#:]+)\)", README):
        assert (CHECKOUT / path).exists(), path
