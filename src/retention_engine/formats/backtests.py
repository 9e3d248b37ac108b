"""Back-tests as text, as JSON and as a table for spreadsheets."""

import csv
import io
from collections.abc import Iterable, Iterator, Mapping
from datetime import timedelta
from fractions import Fraction
from typing import IO, Any

from ..backtests import Backtest
from ..moments import days, duration_text, instant_text
from ..outcomes import Outcome
from ..tallies import Lead, TrackRecord
from .verdicts import VERSION, failure_view, safe_cell
from .words import counted, day

INSUFFICIENT = "insufficient"
CSV_COLUMNS = (
    *("by", "kind", "above_days", "warned", "warned_clients", "true_positives", "false_positives"),
    *("precision", "recall", "lift", "caught", "lead_lower_days", "lead_median_days", "lead_upper_days"),
    *("false_alarms", "false_alarms_a_year", "warned_uncontrollable", "warned_returned"),
)
_RATES = ("precision", "recall", "lift")
_OF_A_ROW = ("lead_lower_days", "lead_median_days", "lead_upper_days", "false_alarms_a_year")
_APART = {
    Outcome.UNCONTROLLABLE: "left for a reason beyond our control",
    Outcome.RETURNED: "left and came back",
    Outcome.OPEN: "the term ended, and it is still open",
}


# In words.


def write_backtest(found: Backtest, file: IO[str]) -> None:
    """Write the whole report in words, with a row for each that warned at least once."""
    from .tables import print_table

    file.writelines(f"{line}\n" for line in _introduction(found))
    shown = [record for record in found.records if record.kind != "rule" or record.warned or _set_apart(record.apart)]
    in_row = found.horizon is not None
    file.write("\n")
    print_table(file, _columns(in_row), (_row(record, in_row) for record in shown))
    silent = [record.by for record in found.rules if record not in shown]
    if silent:
        file.write(f"\nNever a warning: {', '.join(silent)}.\n")


def message(found: Backtest) -> str:
    """The answer in a sentence or two; where it would rest on too little, that."""
    cases = found.cases
    lost, stayed = cases.losses, cases.retained_clients
    if not cases.sufficient:
        return (
            f"Insufficient: {counted(lost, 'loss', 'losses')} and {counted(stayed, 'client')} retained; rates are told from"
            f" {cases.fewest:,} of each on."
        )
    status = found.status
    if status.precision is None:
        return (
            f"Insufficient: {counted(status.warned_clients, 'client')} warned of; a precision is told from"
            f" {cases.fewest:,} on."
        )
    best = max((one.precision for one in found.recency if one.precision is not None), default=None)
    if best is None:
        plain = "the mere days of silence tell the clients apart too little to be compared"
    elif best == status.precision:
        plain = f"the mere days of silence, with as many warnings, reach {_percent(best)}, too"
    else:
        plain = f"the mere days of silence, with as many warnings, reach {_percent(best)}"
    return (
        f"Of the warnings by status, {_percent(status.precision)} came true; {_percent(cases.base_rate)} would have by lot,"
        f" and {plain}."
    )


def _introduction(found: Backtest) -> Iterator[str]:
    cases = found.cases
    counts = cases.counts
    yield f"Back-test of {counted(len(found.rules), 'rule')} over {counted(found.clients, 'client')}, {_when(found)}"
    yield ""
    yield message(found)
    yield ""
    of = "" if cases.base_rate is None else f", base rate {_percent(cases.base_rate)}"
    lost, retained = counts.get(Outcome.LOST, 0), counts.get(Outcome.RETAINED, 0)
    losses = f" ({counted(cases.losses, 'loss', 'losses')})" if found.horizon is not None else ""
    yield f"{counted(lost + retained, 'case')}: {lost:,} lost{losses}, {retained:,} retained{of}"
    for outcome, what in _APART.items():
        if count := counts.get(outcome, 0):
            warned = found.status.apart.get(outcome, 0)
            yield f"set apart: {counted(count, 'case')} ({what}), {warned:,} of them warned of"
    if found.gone:
        yield f"no case: {counted(found.gone, 'moment')} at which a client had left already, or was none yet"
    if found.unknown:
        yield f"no case: {counted(found.unknown, 'client')} of the truth file, of whom nothing was known at the cutoff"
    if found.hidden:
        yield f"{counted(found.hidden, 'event')} came too late: not recorded yet when a prediction was made"


def _when(found: Backtest) -> str:
    first, last = (day(found.moments[0]), day(found.moments[-1])) if found.moments else ("", "")
    level = f"warnings from {found.level} on"
    if not found.moments or not found.until:
        at = f"at {first}" if first == last else f"from {first} to {last}"
        return f"{at}, {level}" if found.moments else level
    horizon = duration_text(found.horizon or timedelta())
    every = duration_text(found.every or timedelta())
    return f"every {every} from {first} to {day(found.until)}, {horizon} ahead, {level}"


def _columns(in_row: bool) -> tuple[str, ...]:
    columns = ("warned by", "cases", "lost", "precision", "recall", "lift")
    return (*columns, "caught", "days ahead", "false a year") if in_row else columns


def _row(record: TrackRecord, in_row: bool) -> tuple[str, ...]:
    cells = (
        _name(record),
        f"{record.warned:,}",
        f"{record.true_positives:,}",
        _percent(record.precision),
        _percent(record.recall),
        "" if record.lift is None else f"{float(record.lift):.2f}",
    )
    if not in_row:
        return cells
    a_year = record.false_alarms_a_year
    return (
        *cells,
        f"{record.caught:,}",
        _lead(record.lead),
        INSUFFICIENT if a_year is None else f"{float(a_year):.2f}",
    )


def _name(record: TrackRecord) -> str:
    if record.kind != "recency":
        return record.by
    what = "no contact" if record.by == "contact" else "not heard"
    return f"{what}, never" if record.above is None else f"{what} for {_days(record.above)}"


def _days(span: timedelta) -> str:
    return f"{span / days(1):,.1f}".removesuffix(".0") + " days"


def _lead(lead: Lead | None) -> str:
    return INSUFFICIENT if lead is None else f"{lead.median:.0f} ({lead.lower:.0f}-{lead.upper:.0f})"


def _percent(ratio: Fraction | None) -> str:
    return INSUFFICIENT if ratio is None else f"{float(ratio * 100):.1f} %"


def _set_apart(apart: Mapping[Outcome, int]) -> int:
    return sum(apart.values())


# For other programs.


def backtest_document(found: Backtest) -> dict[str, Any]:
    """The whole report as one document; a rate that would rest on too little is `null`."""
    counts = found.cases.counts
    return {
        "version": VERSION,
        "from": instant_text(found.moments[0]) if found.moments else None,
        "to": instant_text(found.until or found.moments[-1]) if found.moments else None,
        "every": None if found.every is None else duration_text(found.every),
        "horizon": None if found.horizon is None else duration_text(found.horizon),
        "grace": None if found.grace is None else duration_text(found.grace),
        "level": str(found.level),
        "fewest": found.cases.fewest,
        "sufficient": found.cases.sufficient,
        "message": message(found),
        "clients": found.clients,
        "cases": {outcome.value: counts.get(outcome, 0) for outcome in Outcome},
        "losses": found.cases.losses,
        "retained_clients": found.cases.retained_clients,
        "base_rate": _rounded(found.cases.base_rate),
        "client_years": _rounded(found.cases.client_years),
        "unknown": found.unknown,
        "gone": found.gone,
        "hidden": found.hidden,
        "records": [_view(record) for record in found.records],
        "failures": [failure_view(failure) for failure in found.failures],
    }


def backtest_table(found: Backtest) -> Iterator[bytes]:
    """A row for each that warns, for spreadsheets; `insufficient` where a rate would rest on too little."""
    yield _cells(CSV_COLUMNS)
    for record in found.records:
        view = _view(record)
        lead = view["lead_days"] or {}
        flat = {
            **view,
            "lead_lower_days": lead.get("lower"),
            "lead_median_days": lead.get("median"),
            "lead_upper_days": lead.get("upper"),
            "warned_uncontrollable": view["warned_apart"]["uncontrollable"],
            "warned_returned": view["warned_apart"]["returned"],
        }
        told = (*_RATES, *(_OF_A_ROW if found.horizon is not None else ()))
        flat |= {key: INSUFFICIENT for key in told if flat[key] is None}
        yield _cells(safe_cell(flat[key]) for key in CSV_COLUMNS)


def _view(record: TrackRecord) -> dict[str, Any]:
    lead = record.lead
    return {
        "by": record.by,
        "kind": record.kind,
        "above_days": None if record.above is None else round(record.above / days(1), 6),
        "warned": record.warned,
        "warned_clients": record.warned_clients,
        "true_positives": record.true_positives,
        "false_positives": record.false_positives,
        "warned_apart": {
            outcome.value: record.apart.get(outcome, 0) for outcome in (Outcome.UNCONTROLLABLE, Outcome.RETURNED)
        },
        "precision": _rounded(record.precision),
        "recall": _rounded(record.recall),
        "lift": _rounded(record.lift),
        "caught": record.caught,
        "lead_days": None
        if lead is None
        else {"lower": round(lead.lower, 6), "median": round(lead.median, 6), "upper": round(lead.upper, 6)},
        "false_alarms": record.false_alarms,
        "false_alarms_a_year": _rounded(record.false_alarms_a_year),
    }


def _cells(cells: Iterable[str]) -> bytes:
    buffer = io.StringIO()
    csv.writer(buffer, lineterminator="\r\n").writerow(cells)
    return buffer.getvalue().encode()


def _rounded(ratio: Fraction | None) -> float | None:
    return None if ratio is None else round(float(ratio), 6)
