"""The table of docs/reliability.md."""

from __future__ import annotations

from collections import Counter
from typing import NamedTuple

from tests.faults.ledger import Verdict
from tools.embedded import CHECKOUT

PATH = CHECKOUT / "docs/reliability.md"
BEGIN, END = "<!-- written by make faults -->\n", "<!-- end of what make faults wrote -->\n"
HEAD = """
| fault | acknowledged | unknown | lost | doubled | seconds to recover | what clients saw |
| --- | ---: | ---: | ---: | ---: | ---: | --- |
"""


class Row(NamedTuple):
    verdict: Verdict
    seconds: float
    seen: Counter[str]
    longest: float

    def __str__(self) -> str:
        verdict = self.verdict
        seen = ", ".join(f"{count} × {label}" for label, count in self.seen.most_common())
        cells = (
            verdict.acknowledged,
            verdict.unknown,
            len(verdict.lost),
            len(verdict.doubled) + len(verdict.undue),
            f"{self.seconds:.1f}",
            f"{seen or 'nothing'}; at most {self.longest:.1f} s for an answer",
        )
        return " | ".join(map(str, cells))


ROWS: dict[str, Row] = {}
"""What the faults of this run came to."""


def table() -> str:
    return HEAD + "".join(f"| {name} | {row} |\n" for name, row in ROWS.items())


def write() -> None:
    before, _, rest = PATH.read_text().partition(BEGIN)
    PATH.write_text(f"{before}{BEGIN}{table()}\n{END}{rest.partition(END)[2]}")
