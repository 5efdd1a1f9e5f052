"""What clients were told, held to what the ledger has."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

from tests.support.databases import Database, assert_sound

if TYPE_CHECKING:
    from tests.faults.load import Asked


class Move(NamedTuple):
    """Money to move. No two requests have the same number of cents."""

    source: int | None
    target: int | None
    cents: int

    @property
    def amount(self) -> str:
        return f"{self.cents // 100}.{self.cents % 100:02}"

    @property
    def body(self) -> dict[str, object]:
        return {
            "source_account_id": self.source,
            "target_account_id": self.target,
            "amount": self.amount,
        }


ROWS = """
    SELECT t.id, t.source_account_id, t.target_account_id, (t.amount * 100)::int AS cents,
           t.target_entry, r.reverses
    FROM wallet.transaction t LEFT JOIN wallet.reversal r ON r.transaction_id = t.id
    UNION ALL
    SELECT id, source_account_id, target_account_id, (amount * 100)::int, NULL, NULL
    FROM wallet.failed_transfer
"""


class Verdict(NamedTuple):
    """What came of a load. Whatever is in the last five must not be."""

    acknowledged: int
    unknown: int
    """Requests whose outcome was unknown, if only until their key told it."""
    lost: list[Asked]
    """Answered with 2xx, and not there as answered."""
    doubled: list[Asked]
    undue: list[Asked]
    """There though the answer said that nothing was done, or an atomic batch in part."""
    unresolved: list[Asked]
    """With a key, and still without a certain answer."""
    out_of_turn: list[Asked]
    """Queued, and processed after what was sent when it had been answered."""


def judge(asked: Sequence[Asked], database: Database, first: int) -> Verdict:
    """Hold requests to the ledger, in which nobody else moved money from this id on."""
    found: dict[Move | int, list[int]] = {}
    entries: dict[int, int | None] = {}
    for row in database.execute(ROWS):
        move = Move(row["source_account_id"], row["target_account_id"], row["cents"])
        if row["id"] >= first:
            found.setdefault(row["reverses"] or move, []).append(row["id"])
            entries[row["id"]] = row["target_entry"]
    verdict = Verdict(0, 0, [], [], [], [], [])
    acknowledged = unknown = 0
    queued: list[tuple[int, Asked]] = []
    for one in asked:
        made = [found.pop(move, []) for move in one.moves]
        ids = one.answer.ids if one.answer else None
        acknowledged += bool(ids)
        unknown += one.was_unknown
        if any(len(rows) > 1 for rows in made):
            verdict.doubled.append(one)
        if ids:
            if [rows[0] if rows else None for rows in made] != ids:
                verdict.lost.append(one)
            elif "Prefer" in one.headers and ids[0] and (entry := entries[ids[0]]):
                queued.append((entry, one))
        elif one.answer and one.answer.nothing_done:
            if any(made):
                verdict.undue.append(one)
        elif "Idempotency-Key" in one.headers:
            verdict.unresolved.append(one)
        if one.body.get("atomic") and any(made) and not all(made):
            verdict.undue.append(one)
    assert not found, f"nobody asked for this: {found}"
    last_sent = 0.0
    for _, one in sorted(queued, key=lambda pair: pair[0]):
        if last_sent > one.answered:
            verdict.out_of_turn.append(one)
        last_sent = max(last_sent, one.sent)
    with database.connect() as connection:
        assert_sound(connection)
    return verdict._replace(acknowledged=acknowledged, unknown=unknown)
