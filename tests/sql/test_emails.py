"""An email is local@domain, at most 254 characters, without spaces and control characters."""

from __future__ import annotations

from tests.support.calls import Connection, call, ledger, refusal

CONTROL_CHARACTERS = [chr(number) for number in (*range(0x01, 0x20), *range(0x7F, 0xA0))]

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
    " ada@example.com": " ada@example.com",
    "ada@example.com ": "ada@example.com ",
    "ada lovelace@example.com": "ada lovelace@example.com",
    "ada@example\u00a0.com": "ada@example\u00a0.com",
    " ": " ",
    "ada@example.com\n": "control character",
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
    for character in CONTROL_CHARACTERS:
        for email in (
            f"{character}ada@example.com",
            f"ada{character}@example.com",
            f"ada@{character}example.com",
            f"ada@example.com{character}",
        ):
            diagnostic = refusal(app, "create_account", email)
            assert diagnostic.sqlstate == "WL001", ascii(email)
            assert "control character" in (diagnostic.message_detail or ""), ascii(email)
    assert not any(ledger(admin))


def test_an_email_is_read_alike_whatever_the_caller_has_set(app: Connection) -> None:
    """Backslashes in a body's literals are read by the caller's settings."""
    app.execute("SET escape_string_warning = off")
    app.execute("SET standard_conforming_strings = off")
    assert call(app, "create_account", "u0001@example.com")["email"] == "u0001@example.com"
    for email in ("ada\u0085@example.com", "ada\u0001@example.com", "ada @example.com"):
        assert refusal(app, "create_account", email).sqlstate == "WL001"
