"""Figures and tables as text that reads well on a terminal and as Markdown."""

from __future__ import annotations

from math import floor, log10
from statistics import median


def number(value: float) -> str:
    """Three significant digits, thousands apart: 5 230, 12.3, 0.45."""
    rounded = float(f"{value:.3g}")
    digits = 2 - floor(log10(abs(rounded))) if rounded else 0
    return f"{rounded:,.{max(digits, 0)}f}".replace(",", " ")


def spread(values: list[float]) -> str:
    """The median, and from the least to the most."""
    return f"{number(median(values))} ({number(min(values))}–{number(max(values))})"


def table(head: list[str], rows: list[list[str]]) -> str:
    """A Markdown table with aligned columns, all but the first to the right."""
    widths = [max(len(row[i]) for row in [head, *rows]) for i in range(len(head))]

    def line(cells: list[str]) -> str:
        first, *others = zip(cells, widths, strict=True)
        padded = [first[0].ljust(first[1])] + [cell.rjust(width) for cell, width in others]
        return f"| {' | '.join(padded)} |"

    rule = [widths[0] * "-"] + [f"{(width - 1) * '-'}:" for width in widths[1:]]
    return "\n".join([line(head), line(rule), *map(line, rows)])
