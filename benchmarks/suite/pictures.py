"""The picture of the figures, as SVG: bars on a scale of powers of ten, on a ground of its own, so that it is readable on any page."""

from collections.abc import Iterator
from html import escape
from math import ceil, floor, log10
from typing import Any

from contests import short

WIDTH = 760
LEFT_EDGE, RIGHT_EDGE = 230, 690
BAR, ROW = 16, 26
HEAD, FOOT = 44, 36

STYLE = """
  .ground { fill: #ffffff; } .text { fill: #24292f; } .faint { fill: #57606a; } .line { stroke: #d0d7de; }
  .ours { fill: #0969da; } .theirs { fill: #8c959f; } .limit { fill: #bf8700; }
  @media (prefers-color-scheme: dark) {
    .ground { fill: #161b22; } .text { fill: #e6edf3; } .faint { fill: #9198a1; } .line { stroke: #30363d; }
    .ours { fill: #58a6ff; } .theirs { fill: #8b949e; } .limit { fill: #d29922; }
  }
  text { font: 13px system-ui, sans-serif; } .small { font-size: 11px; } .head { font-weight: 600; }
"""

Panel = tuple[str, list[tuple[str, float]]]
"""A heading, and names with seconds."""


def drawn(results: dict[str, Any]) -> str:
    """The picture: a panel for each question, from the largest measurement of each."""
    panels = list(_panels(results))
    parts: list[str] = []
    top = 12.0
    for heading, bars in panels:
        part, height = _panel(heading, bars, top)
        parts += part
        top += height
    shown = "; ".join(
        f"{heading}: {', '.join(f'{name} {short(it)} s' for name, it in bars)}" for heading, bars in panels
    )
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {top:.0f}" role="img" aria-label="{escape(shown)}">\n'
        f"<style>{STYLE}</style>\n"
        f'<rect class="ground" width="{WIDTH}" height="{top:.0f}" rx="8"/>\n' + "\n".join(parts) + "\n</svg>\n"
    )


def _panels(results: dict[str, Any]) -> Iterator[Panel]:
    headings = {"full": "Status and due actions of every client", "day": "What a day brings"}
    for section, heading in headings.items():
        found = [
            it[section] for _, it in sorted(results["sizes"].items(), key=lambda pair: int(pair[0])) if section in it
        ]
        if not found:
            continue
        fullest = max(found, key=lambda it: (len(it["contenders"]), it["events"]))
        bars = [
            (name.partition(": ")[2] or name, it["seconds"]["median"]) for name, it in fullest["contenders"].items()
        ]
        what = f"{heading}: {fullest['events']:,} events of {fullest['clients']:,} clients"
        yield what, sorted(bars, key=lambda bar: bar[1])


def _panel(heading: str, bars: list[tuple[str, float]], top: float) -> tuple[list[str], float]:
    low, high = floor(log10(min(it for _, it in bars))), ceil(log10(max(it for _, it in bars)))
    high = max(high, low + 1)
    bottom = top + HEAD + ROW * len(bars)

    def x(seconds: float) -> float:
        return LEFT_EDGE + (log10(seconds) - low) / (high - low) * (RIGHT_EDGE - LEFT_EDGE)

    parts = [f'<text class="text head" x="16" y="{top + 18:.0f}">{escape(heading)}</text>']
    for power in range(low, high + 1):
        place = x(10.0**power)
        parts.append(
            f'<line class="line" x1="{place:.1f}" x2="{place:.1f}" y1="{top + HEAD - 8:.0f}" y2="{bottom:.0f}"/>'
        )
        label = f"{10**power:,} s" if power >= 0 else f"{10.0 ** (power + 3):g} ms"
        parts.append(
            f'<text class="faint small" x="{place:.1f}" y="{bottom + 15:.0f}" text-anchor="middle">{label}</text>'
        )
    for place, (name, seconds) in enumerate(bars):
        y = top + HEAD + ROW * place
        kind = (
            "limit"
            if name.startswith(("limit", "by hand"))
            else "ours"
            if name.startswith(("ours", "agenda"))
            else "theirs"
        )
        width = max(x(seconds) - LEFT_EDGE, 2)
        parts.append(
            f'<text class="text" x="{LEFT_EDGE - 10}" y="{y + 13:.0f}" text-anchor="end">{escape(name)}</text>'
            f'<rect class="{kind}" x="{LEFT_EDGE}" y="{y:.0f}" width="{width:.1f}" height="{BAR}" rx="2"/>'
            f'<text class="faint small" x="{LEFT_EDGE + width + 6:.1f}" y="{y + 13:.0f}">{_time(seconds)}</text>'
        )
    return parts, HEAD + ROW * len(bars) + FOOT


def _time(seconds: float) -> str:
    return f"{short(seconds)} s" if seconds >= 1 else f"{short(seconds * 1000)} ms"
