"""Retention, believed and actual, as text, as JSON and as a table for spreadsheets."""

import csv
import io
from collections.abc import Iterable, Iterator
from decimal import Decimal
from fractions import Fraction
from typing import IO, Any

from ..fates import DueClient, Fate
from ..moments import duration_text, instant_text
from ..reality import MonthOfRetention, Reality
from .verdicts import VERSION, safe_cell
from .words import counted, day, event_words, printable

CSV_COLUMNS = ("client", "name", "owner", "fate", "counts_as", "due", "value", "currency", "because", "came_back")
MONTH_COLUMNS = ("month", "due", "renewed", "lost", "ratio so far", "gap", "")
VALUE_COLUMNS = ("currency", "renewed", "lost")


def headings(reality: Reality) -> dict[Fate, str]:
    """How each group of clients is headed, those in the ratio first."""
    grace = duration_text(reality.grace)
    return {
        Fate.RENEWED: "Renewed",
        Fate.LAPSED: f"Lapsed: not renewed within {grace} of the end of the term",
        Fate.LEFT: "Left",
        Fate.LEFT_UNCONTROLLABLE: "Not in the ratio: left for a reason beyond our control",
        Fate.RETURNED: "Not in the ratio: left, and came back",
        Fate.OPEN: "Not in the ratio: still open",
    }


# In words.


def write_reality(reality: Reality, file: IO[str]) -> None:
    """Write the whole report in words, with the months and the values as tables."""
    from .tables import print_table

    file.writelines(f"{line}\n" for line in _report(reality))
    if any(month.due for month in reality.months):
        file.write("\n")
        print_table(file, MONTH_COLUMNS, (_month_row(month) for month in reality.months if month.due))
    if opened := [str(month) for month in reality.months if month.opened]:
        file.write(f"\nThe gap opened in {_listed(opened)}.\n")
    if reality.values:
        file.write("\n")
        rows = [(value.currency or "not said", _amount(value.renewed), _amount(value.lost)) for value in reality.values]
        print_table(file, VALUE_COLUMNS, rows)
    if reality.values and reality.of_unknown_value:
        file.write(f"\nOf {_clients(reality.of_unknown_value)} in the ratio no value is known.\n")


def summary(reality: Reality) -> str:
    """The answer in one or two sentences, in words where there is no ratio."""
    ratio, gap = reality.ratio, reality.gap
    if ratio is None:
        return f"{_why_no_ratio(reality)}{_no_comparison(reality)}"
    kept, lost = len(reality.renewed), len(reality.lost)
    actual = f"Actual retention: {percent(ratio)} ({kept:,} renewed, {lost:,} lost)."
    if reality.believed is None or gap is None:
        return actual
    if not gap:
        return f"{actual} Believed: {percent(reality.believed)}, as it is."
    side = "above" if gap > 0 else "below"
    return f"{actual} Believed: {percent(reality.believed)}, {_points(abs(gap))} {side} the actual."


def warning(reality: Reality) -> str | None:
    """What to say where the belief lies far above the actual ratio: who was lost."""
    if not reality.overrated:
        return None
    lost = f"Warning: the belief is more than 10 points too high. Lost: {', '.join(map(_name, reality.lost))}."
    back = [_name(client) for client in reality.lost if client.came_back]
    return f"{lost} Of these, {_listed(back)} came back later." if back else lost


def percent(ratio: Fraction) -> str:
    """A ratio in percent, to one decimal: `62.5 %`."""
    return f"{_tenths(ratio)} %"


def _report(reality: Reality) -> Iterator[str]:
    known = f", as known on {day(reality.known_at)}" if reality.known_at else ""
    yield f"Retention from {day(reality.starts)} to {day(reality.until)} (not included), as of {day(reality.at)}{known}"
    yield ""
    yield summary(reality)
    if warned := warning(reality):
        yield printable(warned)
    if reality.at < reality.until:
        yield "The period is not over yet."
    for fate, heading in headings(reality).items():
        if clients := reality.of(fate):
            yield ""
            yield f"{heading} ({len(clients):,})"
            for client in clients:
                yield from _client_lines(client)


def _client_lines(client: DueClient) -> Iterator[str]:
    value = "" if client.value is None else f", worth {_amount(client.value)} {client.currency or ''}".rstrip()
    back = f", came back {day(client.came_back)}" if client.came_back else ""
    yield printable(f"  {_name(client)}: due {day(client.at)}{value}{back}")
    for event in client.because:
        yield f"    because of {event_words(event)}"


def _why_no_ratio(reality: Reality) -> str:
    if not reality.clients:
        return "Nothing was due: no term ended in this period, and nobody left."
    return f"Of {_clients(reality.clients)} due, none has renewed and none was lost: there is no ratio."


def _no_comparison(reality: Reality) -> str:
    believed = reality.believed
    return "" if believed is None else f" There is nothing to compare {percent(believed)} with."


def _month_row(month: MonthOfRetention) -> tuple[str, ...]:
    ratio = "" if month.ratio is None else percent(month.ratio)
    gap = "" if month.gap is None else _points(month.gap)
    opened = "opened" if month.opened else ""
    return (str(month), f"{month.due:,}", f"{month.renewed:,}", f"{month.lost:,}", ratio, gap, opened)


def _name(client: DueClient) -> str:
    return f"{client.name} ({client.client})" if client.name else client.client


def _clients(clients: tuple[DueClient, ...]) -> str:
    return counted(len(clients), "client")


def _points(gap: Fraction) -> str:
    text = _tenths(gap)
    return f"{text} point" if text in {"1", "-1"} else f"{text} points"


def _tenths(ratio: Fraction) -> str:
    return f"{round(ratio * 1000) / 10:.1f}".removesuffix(".0")


def _amount(value: Decimal) -> str:
    return f"{value:,f}"


def _listed(words: list[str]) -> str:
    return " and ".join(filter(None, (", ".join(words[:-1]), words[-1])))


# For other programs.


def reality_document(reality: Reality) -> dict[str, Any]:
    """The whole report as one document; `ratio` is `None` where nothing was due."""
    known = {} if reality.known_at is None else {"known_at": instant_text(reality.known_at)}
    return {
        "version": VERSION,
        "from": instant_text(reality.starts),
        "to": instant_text(reality.until),
        "at": instant_text(reality.at),
        **known,
        "grace": duration_text(reality.grace),
        "message": summary(reality),
        "ratio": _rounded(reality.ratio),
        "believed": _rounded(reality.believed),
        "gap_points": _in_points(reality.gap),
        "warning": warning(reality),
        "opened": [str(month) for month in reality.months if month.opened],
        "numerator": [client.client for client in reality.renewed],
        "denominator": [client.client for client in reality.clients if client.fate.is_decided],
        "counts": {fate.value: len(reality.of(fate)) for fate in Fate},
        "clients": [_client_view(client) for client in reality.clients],
        "months": [_month_view(month) for month in reality.months],
        "values": [
            {"currency": value.currency, "renewed": f"{value.renewed:f}", "lost": f"{value.lost:f}"}
            for value in reality.values
        ],
        "of_unknown_value": [client.client for client in reality.of_unknown_value],
    }


def reality_table(reality: Reality) -> Iterator[bytes]:
    """A row for each client who was due, for spreadsheets."""
    yield _row(CSV_COLUMNS)
    for client in reality.clients:
        view = _client_view(client)
        yield _row(safe_cell(view[key] if key != "because" else " ".join(view[key])) for key in CSV_COLUMNS)


def _row(cells: Iterable[str]) -> bytes:
    buffer = io.StringIO()
    csv.writer(buffer, lineterminator="\r\n").writerow(cells)
    return buffer.getvalue().encode()


def _client_view(client: DueClient) -> dict[str, Any]:
    return {
        "client": client.client,
        "name": client.name,
        "owner": client.owner,
        "fate": client.fate.value,
        "counts_as": _counts_as(client.fate),
        "due": instant_text(client.at),
        "value": None if client.value is None else f"{client.value:f}",
        "currency": client.currency,
        "because": [event.ref for event in client.because],
        "came_back": None if client.came_back is None else instant_text(client.came_back),
    }


def _counts_as(fate: Fate) -> str | None:
    if fate.is_decided:
        return "lost" if fate.is_loss else "renewed"
    return None


def _month_view(month: MonthOfRetention) -> dict[str, Any]:
    return {
        "month": str(month),
        "due": month.due,
        "renewed": month.renewed,
        "lost": month.lost,
        "ratio": _rounded(month.ratio),
        "gap_points": _in_points(month.gap),
        "opened": month.opened,
    }


def _rounded(ratio: Fraction | None) -> float | None:
    return None if ratio is None else round(float(ratio), 6)


def _in_points(gap: Fraction | None) -> float | None:
    return None if gap is None else round(float(gap * 100), 4)
