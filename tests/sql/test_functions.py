"""Each file of sql/functions is its function's source, and what it says about it is true.

A function with overloads has a file for each: `transfer.sql`, `transfer.with_key.sql`.
"""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import pytest

from tests.support.calls import Connection, call, open_accounts
from tests.support.model import BATCH_REFUSED, CANCELLED, CODES, IDEMPOTENCY_KEY_REUSED
from tools.embedded import CHECKOUT

FOLDER = CHECKOUT / "sql" / "functions"
ORDER = list(CODES)
# What a function that is called could raise, and never does for this caller.
NEVER = {
    # NULL, the world outside, never runs out of funds and never fills up.
    "deposit": {"WL006"},
    "withdraw": {"WL007"},
    # The accounts of a transaction are there: nobody deletes an account.
    "reverse": {"WL004"},
}
# What says refusals, and raises none.
SAYS = {"refusal", "decide_batch"}
# What becomes an outcome where it is said, and is raised nowhere.
OUTCOMES = {"transfer_batch": {BATCH_REFUSED}, "cancel_pending": {CANCELLED}}


# What locks rows. A key's row is locked by whoever writes or forgets it, a pending transfer's by
# whoever takes it out of the queue.
LOCKING = (
    "FOR NO KEY UPDATE",
    "UPDATE wallet.account",
    "INSERT INTO wallet.idempotency_key",
    "DELETE FROM wallet.idempotency_key",
    "DELETE FROM wallet.pending_transfer",
    "pg_advisory_xact_lock(",
)


@dataclass(frozen=True)
class Source:
    """A file of sql/functions, taken apart."""

    path: Path
    header: str
    """The comment that opens the file, without its dashes."""
    definition: str
    """CREATE OR REPLACE FUNCTION up to the end of the body."""
    body: str

    @property
    def name(self) -> str:
        """The function's name. Overloads share it."""
        return self.path.stem.partition(".")[0]

    @property
    def code(self) -> str:
        """The body without its comments."""
        return re.sub(r"--.*", "", self.body)

    @property
    def first_sentence(self) -> str:
        return re.split(r"(?<=\.)\s", " ".join(self.header.split()), maxsplit=1)[0]

    @property
    def example(self) -> str:
        (example,) = re.findall(r"^ {2}(SELECT .*;)$", self.header, flags=re.MULTILINE)
        return str(example)


def read(path: Path) -> Source:
    text = path.read_text()
    comment = re.match(r"(?:--.*\n)+", text)
    definition = re.search(
        r"^CREATE OR REPLACE FUNCTION wallet\.\w+\(.*?^AS \$\$\n(.*?)^\$\$;$", text, re.M | re.S
    )
    assert comment, f"{path.name} does not open with a comment"
    assert definition, f"{path.name} defines no function"
    header = re.sub(r"^-- ?", "", comment[0], flags=re.MULTILINE)
    return Source(path, header, definition[0], definition[1])


SOURCES = {path.stem: read(path) for path in sorted(FOLDER.glob("*.sql"))}
EVERY_SOURCE = pytest.mark.parametrize("source", SOURCES.values(), ids=SOURCES)


def called(stem: str) -> set[str]:
    """The other files whose functions a file's function calls by plain names: none with a key."""
    code = re.sub(r"'[^']*'", "", SOURCES[stem].code)
    return set(re.findall(r"\bwallet\.(\w+)\(", code)) & set(SOURCES) - {stem}


@cache
def reached(stem: str) -> frozenset[str]:
    """A file, and those whose functions its function calls, by whatever way."""
    return frozenset({stem}).union(*(reached(other) for other in called(stem)))


@cache
def raised(stem: str) -> frozenset[str]:
    """The SQLSTATEs that a file's function can raise, itself or through those that it calls."""
    if stem in SAYS:
        return frozenset()
    source = SOURCES[stem]
    code = source.code
    own = frozenset(re.findall(r"'(WL\d{3})'", code)) - OUTCOMES.get(stem, set())
    caught = frozenset(re.findall(r"\bSQLSTATE '(WL\d{3})'", code))
    met = own.union(*(raised(other) for other in called(stem))) - caught - NEVER.get(stem, set())
    if stem.endswith(".with_key"):  # once() does any operation for it, and it asks for one.
        return met & (raised(source.name) | {IDEMPOTENCY_KEY_REUSED})
    return met


def listed(text: str) -> list[tuple[str, str]]:
    """The refusals that a text lists, each with its code, in the text's order."""
    return re.findall(r"(WL\d{3}) (\w+)", text)


def comment(admin: Connection, source: Source) -> str:
    row = call(
        admin,
        "SELECT obj_description(p.oid, 'pg_proc') AS comment FROM pg_proc p "
        "WHERE p.pronamespace = 'wallet'::regnamespace AND p.proname = %s AND p.prosrc = %s",
        source.name,
        f"\n{source.body}",
    )
    return str(row["comment"])


def test_each_file_has_its_function_and_each_function_its_file(admin: Connection) -> None:
    rows = admin.execute(
        "SELECT proname, prosrc FROM pg_proc WHERE pronamespace = 'wallet'::regnamespace"
    ).fetchall()
    assert sorted((row["proname"], row["prosrc"].strip()) for row in rows) == sorted(
        (source.name, source.body.strip()) for source in SOURCES.values()
    )


@EVERY_SOURCE
def test_a_file_defines_the_function_it_is_named_after(source: Source) -> None:
    names = re.findall(
        r"^CREATE OR REPLACE FUNCTION wallet\.(\w+)\(", source.path.read_text(), re.M
    )
    assert names == [source.name]


@EVERY_SOURCE
def test_a_header_lists_the_refusals_that_can_come_in_their_order(source: Source) -> None:
    expected = [
        (sqlstate, CODES[sqlstate]) for sqlstate in ORDER if sqlstate in raised(source.path.stem)
    ]
    assert listed(source.header.partition("Refusals")[2]) == expected
    assert expected or "Refusals: none" in source.header


@EVERY_SOURCE
def test_a_comment_is_the_headers_first_sentence_and_its_refusals(
    admin: Connection, source: Source
) -> None:
    text = comment(admin, source)
    assert text.startswith(f"{source.first_sentence} Refusals: ")
    assert listed(text) == listed(source.header.partition("Refusals")[2])


def test_every_refusal_of_the_contract_is_raised_or_an_outcome_somewhere() -> None:
    anywhere = frozenset[str]().union(*map(raised, SOURCES))
    assert anywhere == set(CODES) - {BATCH_REFUSED, CANCELLED}
    for stem, outcomes in OUTCOMES.items():
        assert outcomes <= said(stem).keys()


def said(stem: str) -> Counter[str]:
    """The SQLSTATEs that a file's function names as its own, in the order of its code."""
    return Counter(re.findall(r"'(WL\d{3})'", SOURCES[stem].code))


def test_a_batch_decides_as_a_transfer_does_in_the_same_order() -> None:
    """One CASE looks at what transfer(), valid_amount() and post() look at one after another."""
    assert list(said("decide_batch")) == [code for code in ORDER if code in raised("transfer")]
    one_by_one = said("post")
    assert said("decide_batch") == one_by_one + Counter({"WL002": 1, "WL003": 1})
    bounds = re.compile(r">= 0\.005 AND \S+ < 999999\.995")
    assert bounds.search(SOURCES["decide_batch"].code)
    assert bounds.search(SOURCES["valid_amount"].code)


def test_the_refusals_of_a_called_function_are_the_callers_too() -> None:
    assert raised("transfer") == {"WL002", "WL003", "WL004", "WL006", "WL007", "WL008"}
    assert "WL007" not in SOURCES["transfer"].code


def test_what_attempt_returns_no_function_with_a_key_raises() -> None:
    assert raised("attempt") == {"WL001", "WL002", "WL003", "WL012"}
    assert raised("once") == {*raised("attempt"), "WL011"}
    assert raised("transfer.with_key") == {"WL002", "WL003", "WL011"}
    assert raised("reverse.with_key") == {"WL011"}
    assert raised("transfer_batch.with_key") == {"WL011", "WL012"}
    assert raised("enqueue_transfer.with_key") == {"WL002", "WL003", "WL011"}
    assert raised("transfer_or_enqueue.with_key") == {"WL002", "WL003", "WL011"}


def test_what_attempt_returns_is_all_that_can_come_but_what_is_wrong_with_the_arguments() -> None:
    """An exception that it did not know would leave no answer under the key."""
    caught = set(re.findall(r"\bSQLSTATE '(WL\d{3})'", SOURCES["attempt"].code))
    operations = re.findall(r"\bWHEN '(\w+)' THEN", SOURCES["attempt"].code)
    assert {f"{operation}.with_key" for operation in operations} == {
        stem for stem in SOURCES if stem.endswith(".with_key")
    }
    met = frozenset[str]().union(*map(raised, operations))
    assert caught == met - {"WL001", "WL002", "WL003", "WL012"}


@EVERY_SOURCE
def test_a_header_says_what_is_locked(source: Source) -> None:
    (locks,) = re.findall(r"^Locks: (.*)", source.header, flags=re.MULTILINE)
    locks_rows = any(
        words in SOURCES[stem].code for stem in reached(source.path.stem) for words in LOCKING
    )
    assert locks.startswith("nothing") != locks_rows


@EVERY_SOURCE
def test_a_refusal_is_raised_with_all_four_parts(source: Source) -> None:
    for statement in re.findall(r"RAISE\b.*?;\n", source.code, flags=re.DOTALL):
        for part in ("ERRCODE = ", "MESSAGE = ", "DETAIL = ", "HINT = "):
            assert part in statement


@EVERY_SOURCE
def test_a_function_is_short_enough_to_read(source: Source) -> None:
    assert len(source.definition.splitlines()) < 70
    assert [line for line in source.path.read_text().splitlines() if len(line) > 100] == []


@EVERY_SOURCE
def test_the_example_in_a_header_runs(app: Connection, admin: Connection, source: Source) -> None:
    open_accounts(app, "100", "100")
    assert source.name in source.example
    found = admin.execute(source.example).fetchall()
    assert found or source.name.startswith("audit"), "a sound ledger has no violation"
    for row in found:
        assert None not in (row.get("id", 0), row.get("amount", 0))


@EVERY_SOURCE
def test_a_body_keeps_the_house_style(source: Source) -> None:
    assert "#variable_conflict" not in source.code
    assert not re.search(r"\bSELECT\s+(\w+\.)?\*", source.code)
    declared = re.findall(r"^DECLARE\n(.*?)^BEGIN$", source.code, flags=re.MULTILINE | re.DOTALL)
    for name in re.findall(r"^ {4}(\w+)", "".join(declared), flags=re.MULTILINE):
        assert name.startswith("v_")
