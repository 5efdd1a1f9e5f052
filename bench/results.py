"""What was measured: a list of figures for each thing, one figure a round."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median


@dataclass
class Results:
    """`figures` are lists by name, `/` between a part, a case and a variant; `facts` are about
    the machine and the run."""

    facts: dict[str, str] = field(default_factory=dict)
    figures: dict[str, list[float]] = field(default_factory=dict)

    def add(self, name: str, value: float) -> None:
        """Add a round's figure, to the five digits that are written down."""
        self.figures.setdefault(name, []).append(float(f"{value:.5g}"))

    def has(self, *names: str) -> bool:
        return all(name in self.figures for name in names)

    def median(self, name: str) -> float:
        return median(self.figures[name])

    def ratio(self, name: str, other: str) -> list[float]:
        """`name` divided by `other`, round by round, without rounds in which `other` was 0."""
        pairs = zip(self.figures[name], self.figures[other], strict=True)
        return [value / by for value, by in pairs if by]

    def write(self, path: Path) -> None:
        lines = ",\n".join(f"    {json.dumps(n)}: {json.dumps(v)}" for n, v in self.figures.items())
        facts = json.dumps(self.facts, indent=4).replace("\n}", "\n  }")
        path.write_text(f'{{\n  "facts": {facts},\n  "figures": {{\n{lines}\n  }}\n}}\n')

    @classmethod
    def read(cls, path: Path) -> Results:
        return cls(**json.loads(path.read_text()))
