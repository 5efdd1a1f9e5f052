"""Bar charts as SVG, readable on light and on dark pages."""

from __future__ import annotations

from dataclasses import dataclass
from html import escape
from statistics import median

from bench.text import number

WIDTH = 760
LEFT = 190
"""Where bars begin; their labels stand left of it."""
RIGHT = 110
"""Room for the figure behind the longest bar."""
BAR = 18
GAP = 14

# A background of its own, so that a page's scheme and the reader's need not be the same.
STYLE = """
  .page { fill: #ffffff; stroke: #d0d7de }
  text { font: 13px system-ui, sans-serif; fill: #1f2328 }
  .title { font-weight: 600 }
  .faint { fill: #59636e }
  .axis { stroke: #d0d7de }
  .spread { stroke: #1f2328; stroke-width: 1.5 }
  .s0 { fill: #2f6fd0 } .s1 { fill: #d9822b } .s2 { fill: #8b949e }
  @media (prefers-color-scheme: dark) {
    .page { fill: #0d1117; stroke: #30363d }
    text { fill: #e6edf3 }
    .faint { fill: #9198a1 }
    .axis { stroke: #30363d }
    .spread { stroke: #e6edf3 }
    .s0 { fill: #4c8dff } .s1 { fill: #e8964a } .s2 { fill: #6e7681 }
  }
"""


@dataclass(frozen=True)
class Bar:
    """A series' figures, one a round, in one group."""

    series: str
    values: list[float]


@dataclass(frozen=True)
class Panel:
    """Groups of bars on one scale."""

    title: str
    groups: dict[str, list[Bar]]


def chart(panels: list[Panel]) -> str:
    """An SVG document: a bar is a median, the line across its end the least to the most."""
    series = list(
        dict.fromkeys(b.series for p in panels for bars in p.groups.values() for b in bars)
    )
    parts: list[str] = []
    y = 16
    x = 20
    for index, name in enumerate(series if len(series) > 1 else []):
        parts.append(f'<rect class="s{index}" x="{x}" y="{y}" width="12" height="12" rx="2"/>')
        parts.append(f'<text class="faint" x="{x + 18}" y="{y + 11}">{escape(name)}</text>')
        x += 40 + 7 * len(name)
    y += 26 if len(series) > 1 else 4
    for panel in panels:
        drawn, y = _panel(panel, series, y)
        parts += drawn
    body = "\n".join(f"  {part}" for part in parts)
    label = escape("; ".join(panel.title for panel in panels))
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{WIDTH}" height="{y}" '
        f'viewBox="0 0 {WIDTH} {y}" role="img" aria-label="{label}">\n'
        f"  <style>{STYLE}  </style>\n"
        f'  <rect class="page" x="0.5" y="0.5" width="{WIDTH - 1}" height="{y - 1}" rx="6"/>\n'
        f"{body}\n</svg>\n"
    )


def _panel(panel: Panel, series: list[str], y: int) -> tuple[list[str], int]:
    """The panel's elements, and where the next one begins."""
    most = max(max(bar.values) for bars in panel.groups.values() for bar in bars) or 1.0
    scale = (WIDTH - LEFT - RIGHT) / most
    parts = [f'<text class="title" x="20" y="{y + 14}">{escape(panel.title)}</text>']
    y += 28
    top = y
    for label, bars in panel.groups.items():
        middle = y + len(bars) * BAR / 2
        parts.append(f'<text x="{LEFT - 12}" y="{middle + 4:g}" text-anchor="end">{label}</text>')
        for bar in bars:
            low, mid, high = (f(bar.values) * scale for f in (min, median, max))
            centre = y + BAR / 2
            style = f"s{series.index(bar.series)}"
            parts.append(
                f'<rect class="{style}" x="{LEFT}" y="{y + 2}" width="{max(mid, 1):.1f}" '
                f'height="{BAR - 4}" rx="2"/>'
            )
            parts.append(
                f'<line class="spread" x1="{LEFT + low:.1f}" x2="{LEFT + high:.1f}" '
                f'y1="{centre:g}" y2="{centre:g}"/>'
            )
            parts.append(
                f'<text class="faint" x="{LEFT + max(mid, high) + 8:.1f}" y="{centre + 4:g}">'
                f"{number(median(bar.values))}</text>"
            )
            y += BAR
        y += GAP
    parts.append(f'<line class="axis" x1="{LEFT}" x2="{LEFT}" y1="{top - 4}" y2="{y - GAP + 4}"/>')
    return parts, y + 8
