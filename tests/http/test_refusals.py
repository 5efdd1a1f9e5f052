"""Each refusal over HTTP: the code and the status of its SQLSTATE, and the words of psql."""

from __future__ import annotations

from typing import Any

from httpx import Client

from tests.http.answers import problem
from tests.http.calls import ask
from tests.http.conftest import Owner, Wallet
from tests.support.calls import ledger, refusal
from tests.support.model import CODES

NOBODY = 2**63 - 1


def test_each_refusal_has_its_code_its_status_and_the_words_of_psql(
    client: Client, psql: Owner, owner: Owner, wallet: Wallet
) -> None:
    def made(function: str, *arguments: Any) -> int:
        return int(ask(client, function, *arguments).raise_for_status().json()["id"])

    poor, rich, full, frozen = wallet(), wallet("10.00"), wallet("999990.00"), wallet("10.00")
    spent = made("transfer", rich, poor, "4.00")
    made("withdraw", poor, "4.00")
    taken_from_full = made("withdraw", full, "5.00")
    made("deposit", full, "14.99")
    paid_to_frozen, held_frozen = made("deposit", frozen, "1.00"), made("hold", frozen, "1")
    reversed = made("deposit", rich, "1.00")
    back = made("reverse", reversed)
    held, closed = made("hold", rich, "1"), made("hold", rich, "1")
    made("release", closed)
    owner.execute("SELECT wallet.freeze_account(%s)", (frozen,))
    before = ledger(owner)
    cases: tuple[tuple[Any, ...], ...] = (
        *(("WL001", "create_account", email) for email in ("", "a b@c", "a" * 253 + "@b")),
        ("WL001", "set_email", rich, "new"),
        *(("WL002", "deposit", rich, amount) for amount in ("0", "0.004", "-1", "999999.995")),
        ("WL002", "withdraw", rich, "1000000"),
        ("WL002", "transfer", rich, rich, "0"),
        ("WL002", "hold", rich, "0"),
        ("WL002", "set_limits", rich, None, "1000000"),
        ("WL003", "transfer", NOBODY, NOBODY, "1"),
        ("WL003", "capture", held, None, rich),
        *(("WL004", function, NOBODY, "1") for function in ("deposit", "withdraw", "hold")),
        *(("WL004", f"get_{what}", NOBODY) for what in ("account", "statement", "holds")),
        *(("WL004", f"{verb}_account", NOBODY) for verb in ("freeze", "unfreeze")),
        ("WL004", "set_email", NOBODY, "a@b"),
        ("WL004", "set_limits", NOBODY, "1", None),
        ("WL004", "annotate_account", NOBODY, None, None),
        ("WL004", "transfer", NOBODY, rich, "1"),
        ("WL004", "transfer", rich, NOBODY, "1"),
        ("WL004", "capture", held, None, NOBODY),
        *(("WL005", f, NOBODY) for f in ("get_transaction", "reverse", "cancel_pending")),
        ("WL006", "withdraw", rich, "5.01"),
        ("WL006", "transfer", rich, poor, "5.01"),
        ("WL006", "hold", rich, "5.01"),
        ("WL006", "reverse", spent),
        ("WL007", "deposit", full, "0.01"),
        ("WL007", "transfer", rich, full, "1"),
        ("WL007", "capture", held, None, full),
        ("WL007", "reverse", taken_from_full),
        ("WL008", "deposit", frozen, "1"),
        ("WL008", "withdraw", frozen, "1"),
        ("WL008", "transfer", rich, frozen, "1"),
        ("WL008", "hold", frozen, "1"),
        ("WL008", "capture", held_frozen),
        ("WL008", "reverse", paid_to_frozen),
        ("WL009", "reverse", reversed),
        ("WL010", "reverse", back),
        ("WL015", "cancel_pending", spent),
        *(("WL016", function, NOBODY) for function in ("get_hold", "capture", "release")),
        *(("WL017", function, closed) for function in ("capture", "release")),
        ("WL018", "capture", held, "1.01"),
        ("WL019", "set_limits", rich, "5.01", None),
    )
    for sqlstate, function, *arguments in cases:
        body = problem(ask(client, function, *arguments), CODES[sqlstate])
        said = refusal(psql, function, *arguments)
        words = (said.sqlstate, said.message_detail, said.message_hint)
        assert (sqlstate, body["detail"], body["hint"]) == words, (function, arguments)
    assert ledger(owner) == before
