"""The event log: who froze, unfroze and cancelled, and who changed an email, but never to which."""

from __future__ import annotations

import pytest

from tests.support.calls import Connection, answer, call, ledger, open_accounts, rows


def test_what_is_done_is_logged_once_with_who_asked_for_it(
    app: Connection, admin: Connection, reader: Connection
) -> None:
    (id,) = open_accounts(app, "0")
    queued = [call(app, "enqueue_transfer", id, *open_accounts(app, "0"), 5)["id"] for _ in "12"]
    for _ in "12":  # The second time changes nothing.
        call(app, "freeze_account", id)
    call(admin, "unfreeze_account", id, "ops")
    call(admin, "unfreeze_account", id, "ops")
    call(admin, "set_email", id, "secret@example.org", "ops")
    call(admin, "cancel_pending", queued[0], "ops")
    call(admin, "cancel_pending", queued[1])
    before = ledger(admin).events
    for refused in (
        ("cancel_pending", queued[0]),
        ("freeze_account", 77),
        ("set_email", 77, "a@b"),
    ):
        assert str(answer(admin, *refused)).startswith("WL"), refused
    assert ledger(admin).events == before
    columns = "actor, event, account_id, transaction_id, detail"
    logged = rows(reader, f"SELECT {columns} FROM wallet.event_log ORDER BY id")
    assert [tuple(row.values()) for row in logged] == [
        ("wallet_app", "freeze_account", id, None, None),
        ("ops", "unfreeze_account", id, None, None),
        ("ops", "set_email", id, None, None),
        ("ops", "cancel_pending", None, queued[0], None),
        ("postgres", "cancel_pending", None, queued[1], None),
    ]
    assert "example" not in str(before)


@pytest.mark.parametrize("actor", ["", "a" * 64, "a\nb", "a\u0085b", "a\u2028b"])
def test_an_actor_is_1_to_63_printable_characters(admin: Connection, actor: str) -> None:
    open_accounts(admin, "0")
    assert answer(admin, "freeze_account", 1, actor) == "23514"
    assert call(admin, "freeze_account", 1, "Ä" * 63)["frozen"]
