"""An email is local@domain, at most 254 characters, without spaces and control characters."""

from __future__ import annotations

import pytest

from tests.support.calls import CREATE_ACCOUNT, Connection, call, ledger, refusal
from tests.support.model import INVALID_EMAIL

CONTROL_CHARACTERS = [chr(number) for number in (*range(0x01, 0x20), *range(0x7F, 0xA0))]

TAKEN = [
    "a@b",
    "ada@example.com",
    "Ada.Lovelace+wallet@mail.example.com",
    "o'brien@example.com",
    'quote"back\\slash%s$1@example.com',
    "jürgen@exämple.de",
    "用户@例子.公司",
    "δοκιμή@παράδειγμα.δοκιμή",
    "👩\u200d🚀@example.com",
    "a" * 242 + "@example.com",
    "é" * 242 + "@example.com",
    "👩" * 242 + "@example.com",
]

REFUSED = [
    (None, "NULL"),
    ("", "empty"),
    ("a" * 243 + "@example.com", "255"),
    ("é" * 243 + "@example.com", "255"),
    ("a@" + "b" * 1_000_000, "1000002"),
    ("ada", "ada"),
    ("@", "@"),
    ("@example.com", "@example.com"),
    ("ada@", "ada@"),
    ("ada@@example.com", "ada@@example.com"),
    ("ada@home@example.com", "ada@home@example.com"),
    (" ada@example.com", " ada@example.com"),
    ("ada@example.com ", "ada@example.com "),
    ("ada lovelace@example.com", "ada lovelace@example.com"),
    ("ada@exam ple.com", "ada@exam ple.com"),
    ("ada@example\u00a0.com", "ada@example\u00a0.com"),
    (" ", " "),
    ("ada@example.com\n", "control character"),
]


@pytest.mark.parametrize("email", TAKEN)
def test_an_address_is_stored_as_given(app: Connection, admin: Connection, email: str) -> None:
    assert call(app, CREATE_ACCOUNT, email)["email"] == email
    assert [account["email"] for account in ledger(admin).accounts] == [email]


@pytest.mark.parametrize(("email", "detail"), REFUSED, ids=[detail for _, detail in REFUSED])
def test_what_is_no_address_is_refused_by_name(
    app: Connection, admin: Connection, email: str | None, detail: str
) -> None:
    diagnostic = refusal(app, CREATE_ACCOUNT, email)
    assert diagnostic.sqlstate == INVALID_EMAIL
    assert diagnostic.message_primary == "invalid email"
    assert diagnostic.message_detail is not None
    assert detail in diagnostic.message_detail
    assert len(diagnostic.message_detail) < 400
    assert diagnostic.message_hint
    assert not any(ledger(admin))


def test_no_control_character_is_taken_at_any_place(app: Connection, admin: Connection) -> None:
    assert "\u0085" in CONTROL_CHARACTERS
    for character in CONTROL_CHARACTERS:
        for email in (
            f"{character}ada@example.com",
            f"ada{character}@example.com",
            f"ada@{character}example.com",
            f"ada@example.com{character}",
        ):
            diagnostic = refusal(app, CREATE_ACCOUNT, email)
            assert diagnostic.sqlstate == INVALID_EMAIL, ascii(email)
            assert "control character" in (diagnostic.message_detail or ""), ascii(email)
    assert not any(ledger(admin))


def test_an_email_is_read_alike_whatever_the_caller_has_set(app: Connection) -> None:
    """Backslashes in a body's literals are read by the caller's settings."""
    app.execute("SET escape_string_warning = off")
    app.execute("SET standard_conforming_strings = off")
    assert call(app, CREATE_ACCOUNT, "u0001@example.com")["email"] == "u0001@example.com"
    for email in ("ada\u0085@example.com", "ada\u0001@example.com", "ada @example.com"):
        assert refusal(app, CREATE_ACCOUNT, email).sqlstate == INVALID_EMAIL
