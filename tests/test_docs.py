"""What the documents list is what there is."""

from __future__ import annotations

import html
import json
import re

from msgspec.structs import fields

from service.answers import Account, Transaction
from service.codes import CODES
from service.config import Settings, takes
from service.guide import WAYS, guide
from service.limits import MAX_WAIT
from service.queue_worker import MAX_ITEMS
from tests.faults.faults import FAULTS
from tests.support.databases import Database
from tests.support.documents import section
from tools import errors_page, functions_page
from tools.embedded import CHECKOUT

README = (CHECKOUT / "README.md").read_text()
QUEUE = (CHECKOUT / "docs/queue.md").read_text()
GUIDE = guide("http://127.0.0.1:8000").decode()
MAKEFILE = (CHECKOUT / "Makefile").read_text()
DOCUMENTS = [*CHECKOUT.glob("*.md"), *CHECKOUT.glob("docs/**/*.md")]


def rows(text: str) -> list[list[str]]:
    """The cells of every table row, without the heads' lines."""
    lines = [line for line in text.splitlines() if line.startswith("| ")]
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]


def test_the_page_of_errors_is_made_from_the_table_of_codes() -> None:
    assert errors_page.PATH.read_text() == errors_page.page()


def test_every_setting_is_listed_with_its_default_and_what_it_takes() -> None:
    table = rows(section("Settings of the service"))
    listed = {row[0].strip("`"): (row[1].strip("`"), row[2]) for row in table}
    for field in fields(Settings):
        default = "" if field.name == "database_url" else field.default
        text = f"{default:g}" if isinstance(default, float) else str(default).lower()
        taken = re.sub("^a (whole )?number from ", "", takes(field.type))
        assert listed.get(f"WALLET_{field.name.upper()}") == (text, taken)


def test_compose_passes_every_setting_on() -> None:
    compose = (CHECKOUT / "docker-compose.yml").read_text()
    passed = set(re.findall(r"^      - (WALLET_[A-Z_]+)", compose, re.MULTILINE))
    assert passed == {f"WALLET_{field.name.upper()}" for field in fields(Settings)} - {
        "WALLET_PORT"  # It says where the edge is.
    }


def test_the_edge_answers_with_codes_that_there_are() -> None:
    configuration = (CHECKOUT / "edge/nginx.conf").read_text()
    found = re.findall(r"map \$status \$(code|title) \{(.*?)\}", configuration, re.DOTALL)
    for kind, rules in found:
        for status, text in re.findall(r'(\w+) "?(.*?)"?;', rules):
            code = CODES[text.lower().replace(" ", "_")]
            assert status in (str(code.status), "default"), (kind, code)
    assert len(found) == 2


def test_the_page_of_functions_is_made_from_what_deploys(database: Database) -> None:
    made = functions_page.page(database.environ())
    assert functions_page.PATH.read_text() == made, "run: make docs"


def test_the_three_ways_are_told_alike_in_the_documents_and_in_the_guide() -> None:
    listed = rows(QUEUE)
    for way in WAYS:
        assert list(way) in listed
    told = " ".join(html.unescape(re.sub("<[^>]+>", " ", GUIDE)).split())
    for way in WAYS:
        assert " ".join(" ".join(way).replace("`", " ").split()) in told


def test_the_examples_have_the_members_that_there_are() -> None:
    said = {"reference", "metadata"}
    later = {"failure", "reverses", "reversed_by", "queued_at"}
    members = {Account: said, Transaction: said | later}
    known = [set(struct.__struct_fields__) - optional for struct, optional in members.items()]
    shown = re.findall(r'^(\{"id":.*\})$', f"{README}\n{QUEUE}", re.MULTILINE)
    assert len(shown) >= 5
    for line in shown:
        assert set(json.loads(line)) - {"queued_at"} in known, line


def test_every_decision_opens_with_a_title() -> None:
    for path in (CHECKOUT / "docs/decisions").glob("*.md"):
        assert path.read_text().startswith("# "), path


def test_the_limits_that_the_documents_name_are_those_of_the_service() -> None:
    queue = " ".join(QUEUE.split())
    assert f"`wallet.process_pending(max_items => {MAX_ITEMS})`" in queue
    assert f"a GET waits at most {MAX_WAIT:.0f} seconds" in queue
    settings = Settings("postgresql:///")
    assert settings.max_wait == settings.statement_timeout * 0.8
    assert "at most 0.8 of `WALLET_STATEMENT_TIMEOUT`" in queue


def test_every_command_that_the_documents_name_is_there() -> None:
    targets = set(re.findall(r"^([a-z0-9-]+):", MAKEFILE, re.MULTILINE))
    for document in DOCUMENTS:
        # In a text a command stands in backticks, in a console's listing after the prompt.
        named = re.findall(r"(?:`|^\$ )make ([a-z0-9-]+)", document.read_text(), re.MULTILINE)
        assert set(named) <= targets, document


def test_the_table_of_faults_has_those_that_there_are() -> None:
    page = (CHECKOUT / "docs/reliability.md").read_text()
    table = rows(page.partition("## Faults of a cluster")[0])
    assert [row[0] for row in table if row[0] not in ("fault", "---")] == list(FAULTS)


def test_every_path_that_the_documents_name_is_there() -> None:
    for document in DOCUMENTS:
        text = document.read_text()
        for path in re.findall(r"\]\(([^)#:]+)\)", text):
            assert (document.parent / path).exists(), f"{document}: {path}"
        for path in re.findall(r"`((?:service|sql|tests|tools|docs)/[\w/.-]+)`", text):
            assert (CHECKOUT / path).exists(), f"{document}: {path}"
