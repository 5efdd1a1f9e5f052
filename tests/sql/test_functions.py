"""Each file of sql/functions is the source of its function, and what it says of it is true.

A file may hold two forms of an operation: the short one, and the full one with an idempotency key.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import psycopg
import pytest
from psycopg.errors import Diagnostic

from tests.support import databases
from tests.support.calls import Connection, call, open_accounts, rows
from tests.support.databases import Database
from tests.support.model import CODES
from tools.embedded import CHECKOUT

FOLDER = CHECKOUT / "sql" / "functions"
# What a function that is called could raise, and never does for this caller.
NEVER = {
    # NULL, the world outside, never runs out of funds and never fills up.
    "deposit": {"WL003", "WL006"},
    "withdraw": {"WL003", "WL007"},
    # What was made once had two accounts and an amount, and nobody deletes an account.
    "reverse": {"WL002", "WL003", "WL004"},
    # It holds the account, finds the hold that is there, and never takes what is not held.
    "capture": {"WL006"},
    # It annotates the account that it has just opened.
    "create_account": {"WL004"},
    # NULL is no account here, and nothing comes in.
    "hold": {"WL007"},
    "release": {"WL018"},
    # A group's refusals are results, and a key's transaction is there.
    "claim_keys": {"WL002", "WL003"},
    "leave_out_locked": {"WL002", "WL003"},
    "replay_result": {"WL005"},
    "run_group": {"WL002", "WL003", "WL011"},
    # Its refusals are results, but for those of the arguments and of the key.
    "run_keyed": {"WL004", "WL006", "WL007", "WL008"},
}
# What says refusals, and raises none.
SAYS = {"refusal", "raise_refusal", "check_request", "check_accounts", "check_hold", "decide_batch"}
# What becomes a result where it is said, and is raised nowhere.
RESULTS = {"transfer_batch": {"WL013"}, "cancel_pending": {"WL014"}, "set_aside_pending": {"WL020"}}
# reverse() and capture() look whether there is anything to reverse or to capture before they look
# at what the accounts hold.
ORDER = {
    "reverse": ["WL005", "WL010", "WL009", "WL006", "WL007", "WL008"],
    "run_keyed": ["WL011", "WL002", "WL003"],
    "capture": ["WL002", "WL016", "WL003", "WL004", "WL017", "WL018", "WL007", "WL008"],
}
# What locks rows. A key's row is locked by whoever writes or forgets it, a pending transfer's by
# whoever takes it out of the queue.
LOCKING = (
    *("FOR NO KEY UPDATE", "UPDATE wallet.account", "UPDATE wallet.hold"),
    *("INSERT INTO wallet.idempotency_key", "DELETE FROM wallet.idempotency_key"),
    "DELETE FROM wallet.pending_transfer",
    "UPDATE wallet.api_key",
)


@dataclass(frozen=True)
class Source:
    """A file of sql/functions, taken apart."""

    path: Path
    header: str
    """The comment that opens the file, without its dashes."""
    definitions: list[str]
    """CREATE OR REPLACE FUNCTION up to the end of the body, for each form."""
    bodies: list[str]

    @property
    def name(self) -> str:
        return self.path.stem

    @property
    def code(self) -> str:
        """The bodies without their comments."""
        return re.sub(r"--.*", "", "\n".join(self.bodies))

    @property
    def first_sentence(self) -> str:
        return re.split(r"(?<=\.)\s", " ".join(self.header.split()), maxsplit=1)[0]

    @property
    def example(self) -> str:
        (example,) = re.findall(r"^ {2}(SELECT .*;)$", self.header, re.M)
        return str(example)

    @property
    def refusals(self) -> list[tuple[str, str]]:
        """The refusals that the header lists, each with its code."""
        _, listed = re.split(r"^Refusals[:,]", self.header, maxsplit=1, flags=re.M)
        return re.findall(r"(WL\d{3}) (\w+)", listed)


def read(path: Path) -> Source:
    text = path.read_text(encoding="utf-8")
    comment = re.match(r"(?:--.*\n)+", text)
    found = re.findall(
        rf"^(CREATE OR REPLACE FUNCTION wallet\.{path.stem}\(.*?^AS \$\$\n(.*?)^\$\$;)$",
        text,
        re.M | re.S,
    )
    assert comment, f"{path.name} does not open with a comment"
    assert text.count("CREATE OR REPLACE FUNCTION") == len(found) in (1, 2), path.name
    header = re.sub(r"^-- ?", "", comment[0], flags=re.M)
    return Source(path, header, [one for one, _ in found], [body for _, body in found])


SOURCES = {path.stem: read(path) for path in sorted(FOLDER.glob("*.sql"))}


def called(name: str) -> set[str]:
    """The other functions that a function calls by name.

    run_with_key() calls whichever it was called by, and adds nothing to that.
    """
    code = re.sub(r"'[^']*'", "", SOURCES[name].code)
    found = set(re.findall(r"\bwallet\.(\w+)\(", code)) & set(SOURCES)
    return found - {name} - ({"run_operation"} if name == "run_with_key" else set())


@cache
def reached(name: str) -> frozenset[str]:
    """A function, and those that it calls, by whatever way."""
    return frozenset({name}).union(*(reached(other) for other in called(name)))


@cache
def raised(name: str) -> frozenset[str]:
    """The SQLSTATEs that a function can raise or return, itself or through those that it calls.

    A full form raises no more than the short one, but that the key is another request's.
    """
    if name in ("refusal", "raise_refusal"):
        return frozenset()
    code = SOURCES[name].code
    own = set(re.findall(r"'(WL\d{3})'", code)) - RESULTS.get(name, set())
    others = called(name) - {"decide_batch", "run_with_key", "run_keyed"}
    return frozenset(own.union(*map(raised, others)) - NEVER.get(name, set()))


def test_each_file_has_its_function_and_each_function_its_file(admin: Connection) -> None:
    found = rows(
        admin, "SELECT proname, prosrc FROM pg_proc WHERE pronamespace = 'wallet'::regnamespace"
    )
    assert sorted((row["proname"], row["prosrc"].strip()) for row in found) == sorted(
        (source.name, body.strip()) for source in SOURCES.values() for body in source.bodies
    )


def test_each_file_keeps_the_house_style() -> None:
    for name, source in SOURCES.items():
        text = source.path.read_text(encoding="utf-8")
        assert re.match(r"[A-Z][^\n]*\.\n", source.header), f"{name}: the first line, a sentence"
        assert max(map(len, text.splitlines())) <= 100, name
        assert len(re.findall(r"^REVOKE ALL ON FUNCTION ", text, re.M)) >= 1, name
        assert text.count("COMMENT ON FUNCTION") == len(source.definitions), name
        for body in source.bodies:
            assert len(body.splitlines()) < 70, name
        assert "#variable_conflict" not in source.code, name
        assert not re.search(r"\bSELECT\s+(\w+\.)?\*", source.code), name
        for declared in re.findall(r"^DECLARE\n(.*?)^BEGIN$", source.code, re.M | re.S):
            for local in re.findall(r"^ {4}(\w+)", declared, re.M):
                assert local.startswith("v_"), f"{name}: {local}"
        # A bare RAISE passes on the error that was caught.
        for statement in re.findall(r"RAISE\s.*?;\n", source.code, re.S):
            for part in ("ERRCODE = ", "MESSAGE = ", "DETAIL = ", "HINT = "):
                assert part in statement, name
        assert name == "raise_refusal" or "WL" not in "".join(
            re.findall(r"RAISE\b.*?;\n", source.code, re.S)
        ), f"{name}: the RAISE of a refusal stands in raise_refusal() alone"


def test_the_largest_amount_stands_in_one_place() -> None:
    for name, source in SOURCES.items():
        assert ("999999.99" in source.code) == (name == "max_amount"), name
    domains = (CHECKOUT / "deploy/domains.sql").read_text(encoding="utf-8")
    assert "999999" not in domains


def test_each_header_says_which_refusals_can_come_and_in_which_order() -> None:
    for name, source in SOURCES.items():
        order = ORDER.get(name, list(CODES))
        listed = [sqlstate for sqlstate, _ in source.refusals]
        assert all(CODES[sqlstate] == code for sqlstate, code in source.refusals), name
        if name in SAYS:
            assert re.search(r"^Refusals: (none|the one)", source.header, re.M), name
            assert listed == [s for s in order if s in raised(name)] or not listed, name
        elif name in ("run_with_key", "run_operation"):
            rest = ["WL001", "WL002", "WL003", "WL012"]
            assert listed == (["WL011", *rest] if name == "run_with_key" else rest)
        else:
            assert listed == [s for s in order if s in raised(name)], name
            assert listed or re.search(r"^Refusals: none", source.header, re.M), name


def test_each_comment_is_the_first_sentence_and_the_refusals(admin: Connection) -> None:
    """Those of a full form are what is raised in spite of the key."""
    for name, source in SOURCES.items():
        for body in source.bodies:
            (row,) = rows(
                admin,
                "SELECT obj_description(p.oid, 'pg_proc') AS text, "
                "coalesce('idempotency_key' = ANY (p.proargnames), false) AS keyed "
                "FROM pg_proc p WHERE p.pronamespace = 'wallet'::regnamespace AND p.prosrc = %s",
                f"\n{body}",
            )
            text, _, said = row["text"].partition(" Refusals: ")
            listed = re.findall(r"(WL\d{3}) (\w+)", said)
            first = source.first_sentence
            if row["keyed"] and name not in ("run_with_key", "check_key"):
                assert text.startswith(first[:-1]), name
                assert text.endswith("once for each key."), name
                raised_all = {*raised(name)} & {"WL001", "WL002", "WL003", "WL012"} | {"WL011"}
                assert dict(listed) == {s: CODES[s] for s in raised_all}, name
            else:
                assert text == first, name
                assert name in SAYS or listed == source.refusals, name


def test_each_header_says_what_is_locked() -> None:
    for name, source in SOURCES.items():
        (locks,) = re.findall(r"^Locks: (.*)", source.header, re.M)
        code = "".join(SOURCES[other].code for other in reached(name))
        assert locks.startswith("nothing") != any(words in code for words in LOCKING), name


def test_every_refusal_of_the_contract_is_raised_or_a_result_somewhere() -> None:
    anywhere = frozenset[str]().union(*map(raised, SOURCES))
    assert anywhere == set(CODES) - {"WL013", "WL014", "WL020"}
    assert raised("transfer") == {"WL002", "WL003", "WL004", "WL006", "WL007", "WL008"}
    for name, results in RESULTS.items():
        assert results <= set(re.findall(r"'(WL\d{3})'", SOURCES[name].code))


@pytest.fixture
def own(template: Database) -> Iterator[Connection]:
    """A superuser's connection to a database of the test's own."""
    database = databases.create(template.server, template.name)
    with database.connect() as connection:
        yield connection
    databases.drop(database)


def test_each_function_is_created_and_its_example_runs_without_a_word(own: Connection) -> None:
    """PostgreSQL warns of all that it can warn of, as errors.

    That is: a variable that hides another one, a row that is not the only one, and values that are
    more or fewer than the variables they go into. The latter two show when a function runs.
    """
    own.execute("SET plpgsql.extra_warnings = 'all'; SET plpgsql.extra_errors = 'all'")
    said: list[Diagnostic] = []
    own.add_notice_handler(said.append)
    for source in SOURCES.values():
        own.execute(source.path.read_text(encoding="utf-8"))
    open_accounts(own, "100", "100")
    call(own, "hold", 1, 5)
    for name, source in SOURCES.items():
        with own.transaction(force_rollback=True):
            assert re.search(rf"\b{name}\b", source.example), name
            if name == "raise_refusal":
                with pytest.raises(psycopg.Error, match="There is no account 7"):
                    own.execute(source.example)
                continue
            found = rows(own, source.example)
            # A sound ledger has no violation, and a new one no key of either kind.
            none = {"replay_result", "revoke_api_key", "refresh_api_keys", "get_account_waits"}
            assert found or name.startswith("audit") or name in none, name
            for row in found if name != "get_queue" else ():  # An empty queue has no id.
                assert None not in (row.get("id", 0), row.get("amount", 0)), name
    assert [diagnostic.message_primary for diagnostic in said] == []


LATER = "CREATE FUNCTION wallet.later() RETURNS int LANGUAGE plpgsql AS $$BEGIN RETURN 1; END$$"
# A trigger's function is checked with each table that has it.
CHECK = """
    SELECT p.proname AS function, c.level, c.message, c.detail, c.context, c.query
    FROM pg_proc p
    JOIN pg_language l ON l.oid = p.prolang AND l.lanname = 'plpgsql'
    LEFT JOIN pg_trigger t ON t.tgfoid = p.oid
    CROSS JOIN LATERAL plpgsql_check_function_tb(
        p.oid, relid => coalesce(t.tgrelid, 0), fatal_errors => false, other_warnings => true,
        performance_warnings => true, extra_warnings => true, security_warnings => true,
        compatibility_warnings => true
    ) c
    WHERE p.pronamespace = 'wallet'::regnamespace
      -- A function that raises would raise while it is planned, were it IMMUTABLE.
      AND NOT (p.proname = 'raise_refusal' AND c.message LIKE '%should be IMMUTABLE')
      -- Were it STABLE, it would not see what annotate_account() has just written.
      AND NOT (p.proname = 'get_annotation' AND c.message LIKE '%should be STABLE')
    ORDER BY p.proname, c.lineno
"""


def test_plpgsql_check_finds_nothing_in_any_function_and_would_find_it(own: Connection) -> None:
    if not rows(own, "SELECT 1 FROM pg_available_extensions WHERE name = 'plpgsql_check'"):
        pytest.skip("this server has no extension plpgsql_check: make test15")
    own.execute("CREATE EXTENSION plpgsql_check")
    assert rows(own, CHECK) == []
    checked = rows(
        own,
        """
        SELECT p.proname AS name, p.prorettype = 'trigger'::regtype AS is_trigger,
               EXISTS (SELECT FROM pg_trigger t WHERE t.tgfoid = p.oid) AS has_table
        FROM pg_proc p JOIN pg_language l ON l.oid = p.prolang AND l.lanname = 'plpgsql'
        WHERE p.pronamespace = 'wallet'::regnamespace
        """,
    )
    assert sorted(row["name"] for row in checked) == sorted(
        source.name
        for source in SOURCES.values()
        for definition in source.definitions
        if "LANGUAGE plpgsql" in definition
    )
    assert [row for row in checked if row["is_trigger"] != row["has_table"]] == []
    # What citus/ puts in their place still calls what there is. That takes no Citus.
    own.execute("CREATE SCHEMA wallet_plain AUTHORIZATION wallet_owner")
    citus = CHECKOUT / "citus/deploy"
    for path in (*citus.glob("functions/*.sql"), citus / "lock_timeout.sql"):
        own.execute(path.read_text())
    assert [row for row in rows(own, CHECK) if row["level"] == "error"] == []
    own.execute(LATER)
    found = [row["message"] for row in rows(own, CHECK) if row["function"] == "later"]
    assert any("should be IMMUTABLE" in one for one in found), found
