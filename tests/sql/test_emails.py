"""An email is local@domain, and finds the accounts that have it, without regard to case."""

from __future__ import annotations

import sys
import unicodedata

from tests.support.calls import Connection, answer, call, ledger, refusal, rows

# What DETAIL calls the characters of a Unicode category; NUL is none of PostgreSQL's.
KINDS = {
    "Cc": "control character",
    **dict.fromkeys(("Zs", "Zl", "Zp"), "white space"),
    "Cf": "format character",
}
UNSEEN = {
    character: KINDS[unicodedata.category(character)]
    for character in map(chr, range(1, sys.maxunicode + 1))
    if unicodedata.category(character) in KINDS
}

TAKEN = [
    "a@b",
    "ada@example.com",
    "Ada.Lovelace+wallet@mail.example.com",
    "o'brien@example.com",
    'quote"back\\slash%s$1@example.com',
    "jürgen@exämple.de",
    "用户@例子.公司",
    "👩🚀@example.com",
    "a" * 242 + "@example.com",
    "👩" * 242 + "@example.com",
]
# With what DETAIL says of each.
REFUSED = {
    None: "NULL",
    "": "empty",
    "a" * 243 + "@example.com": "255",
    "é" * 243 + "@example.com": "255",
    "a@" + "b" * 1_000_000: "1000002",
    "ada": "ada",
    "@": "@",
    "@example.com": "@example.com",
    "ada@": "ada@",
    "ada@@example.com": "ada@@example.com",
    "ada@home@example.com": "ada@home@example.com",
    " ada@example.com": "white space",
    "ada@example.com ": "white space",
    "ada lovelace@example.com": "white space",
    "ada@example\u00a0.com": "white space",
    " ": "white space",
    "ada@example.com\n": "control character",
}

OPENED = ["ada@example.com", "bob@example.com", "Ada@Example.com", "ADA@EXAMPLE.COM", "a@b"]
FOUND: dict[str | None, list[int]] = {
    "ada@example.com": [1, 3, 4],
    "aDA@eXAMPLE.com": [1, 3, 4],
    "bob@example.com": [2],
    "A@B": [5],
    "ada@example.co": [],
    "ada@example.com ": [],
    "%@%": [],
    "ada@example_com": [],
    "": [],
    None: [],
}


def test_an_address_is_stored_as_given(app: Connection, admin: Connection) -> None:
    for email in TAKEN:
        assert call(app, "create_account", email)["email"] == email
    assert [account["email"] for account in ledger(admin).accounts] == TAKEN


def test_what_is_no_address_is_refused_by_name(app: Connection, admin: Connection) -> None:
    for email, said in REFUSED.items():
        diagnostic = refusal(app, "create_account", email)
        detail = diagnostic.message_detail or ""
        assert (diagnostic.sqlstate, diagnostic.message_primary) == ("WL001", "invalid email")
        assert said in detail, email
        assert len(detail) < 400, "a long address is not repeated"
        assert diagnostic.message_hint
    for character, kind in UNSEEN.items():
        for email in (f"{character}ada@example.com", f"ada@exam{character}ple.com"):
            diagnostic = refusal(app, "create_account", email)
            assert diagnostic.sqlstate == "WL001", ascii(email)
            assert kind in (diagnostic.message_detail or ""), ascii(email)
    assert not any(ledger(admin))


def test_an_email_is_read_alike_whatever_the_caller_has_set(app: Connection) -> None:
    """Backslashes in a body's literals are read by the caller's settings."""
    app.execute("SET escape_string_warning = off")
    app.execute("SET standard_conforming_strings = off")
    assert call(app, "create_account", "u0001@example.com")["email"] == "u0001@example.com"
    for email in ("a\u0085@b", "a\u0001@b", "a @b", "a\u202e@b", "a\U000e0020@b"):
        assert refusal(app, "create_account", email).sqlstate == "WL001"


def test_a_dba_gives_an_account_another_email(app: Connection, admin: Connection) -> None:
    call(app, "create_account", "ada@example.com")
    account = call(app, "deposit", 1, 5) and call(app, "get_account", 1)
    before = ledger(admin)
    for email in REFUSED:
        assert answer(admin, "set_email", 1, email) == "WL001"
    assert answer(admin, "set_email", 77, "a b") == "WL001"
    assert answer(admin, "set_email", 77, "ada@example.org") == "WL004"
    assert answer(admin, "set_email", None, "ada@example.org") == "WL004"
    assert ledger(admin) == before
    changed = call(admin, "set_email", 1, "erased@example.invalid")
    assert changed == {**account, "email": "erased@example.invalid"}
    assert ledger(admin)._replace(events=[]) == before._replace(accounts=[changed])
    assert rows(app, "find_accounts", "ada@example.com") == []
    assert rows(app, "find_accounts", "Erased@example.invalid") == [changed]


def test_accounts_are_found_whatever_the_case_the_oldest_first(
    app: Connection, admin: Connection
) -> None:
    for opened in OPENED:
        call(app, "create_account", opened)
    call(app, "deposit", 3, 5)
    admin.execute("UPDATE wallet.account SET frozen = false WHERE id = 1")  # Its row moves.
    for email, ids in FOUND.items():
        found = rows(app, "find_accounts", email)
        assert found == [call(app, "get_account", id) for id in ids], email


def test_pages_lead_from_the_oldest_account_to_the_newest(
    app: Connection, admin: Connection
) -> None:
    admin.execute(
        "INSERT INTO wallet.account (email) "
        "SELECT CASE n % 2 WHEN 0 THEN 'Ada@b' ELSE 'bob@b' END FROM generate_series(1, 122) n"
    )
    for size, pages in ((50, 2), (17, 4), (61, 1), (1000, 1), (1, 61)):
        found: list[int] = []
        for _ in range(pages):
            page = rows(app, "find_accounts", "ada@B", max(found, default=None), size)
            assert len(page) == min(size, 61 - len(found))
            found += [row["id"] for row in page]
        assert found == list(range(2, 123, 2))
        assert rows(app, "find_accounts", "ada@b", 122, size) == []
    assert len(rows(app, "find_accounts", "ada@b")) == 50
    assert len(rows(app, "find_accounts", "ada@b", -(2**63), 1000)) == 61
    assert rows(app, "find_accounts", "ada@b", 2**63 - 1) == []
    for wrong in (None, 0, -1, 1001):
        assert refusal(app, "find_accounts", "ada@b", None, wrong).sqlstate == "22023"
