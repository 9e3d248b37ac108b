"""The picture to look at: the whole book at a moment as one HTML page that needs nothing else, no script and no network."""

import hashlib
from base64 import b64encode
from collections.abc import Collection, Iterable, Iterator, Sequence
from datetime import datetime, timedelta
from functools import cached_property
from importlib import resources
from itertools import groupby
from typing import TYPE_CHECKING, Any

import attrs

from ..book import BookAssessment, replay, with_book
from ..declare import BoundRule
from ..engine import AHEAD, Assessment, Change, Engine, RuleFailure
from ..errors import ExtraMissing
from ..events import Event
from ..findings import Action, Concern, Health
from ..gathering import Histories
from ..moments import days, in_utc, instant_text
from ..scoring import DIMENSIONS, Scorecard, Weights, scorecard
from ..timelines import Spell, Timeline, count_by_status, timeline
from ..words import contact
from ..worklist import STANDARD_PACE, Entry, Pace, Worklist, tasks_of, worklist_of
from .pictures import STACKED, Strip, Window, chart, moments, segments, strip, ticks
from .renewal_story import renewal, renewal_facts
from .scorecards import judgement_line, score_parts
from .words import day, event_words, in_days, printable
from .worklist import overdue_words, owner_line, value_words, waiting_lines

if TYPE_CHECKING:
    from jinja2 import Environment

YEAR = days(364)
"""How far back the pictures look: whole weeks, since the clients are counted once a week."""

WEEK = days(7)
LIMIT = 500
GROUND = 58
"""How far below a strip's top its blocks stand."""

_TEMPLATES = "templates"
_MOST_EVENTS = 3
_MOST_SPELLS = 12


@attrs.frozen
class Report:
    """A report as it is written to a file.

    Attributes:
        html: the page.
        clients: how many clients it counts.
        shown: how many of them have a section of their own.
        failures: the rules that could not be evaluated, now or at some time in the past.
    """

    html: str
    clients: int
    shown: int
    failures: tuple[RuleFailure, ...]


def html_report(
    histories: Histories | Iterable[tuple[str, Sequence[Event]]],
    engine: Engine,
    *,
    at: datetime,
    known_at: datetime | None = None,
    book_rules: Collection[BoundRule] = (),
    weights: Weights | None = None,
    pace: Pace = STANDARD_PACE,
    span: timedelta = days(30),
    title: str | None = None,
    limit: int = LIMIT,
) -> Report:
    """The whole book at a moment as one HTML page: the same for the same events and moment, byte for byte.

    Args:
        histories: the events by client, as a mapping or as pairs.
        engine: the rules about one client.
        at: the moment; what happened later is not seen.
        known_at: leave out what was recorded later.
        book_rules: the rules about the whole book.
        weights: what each finding costs in the score; the defaults where none are given.
        pace: budget, cooldown and escalation of the worklist.
        span: how far ahead the page looks.
        title: the page's title.
        limit: how many clients get a section of their own, the worst first; 0 for all.

    Raises:
        ExtraMissing: Jinja2 is not installed.
    """
    environment = _environment()
    moment = in_utc(at)
    found = list(replay(histories, engine, at=moment, known_at=known_at))
    _, book = with_book(found, engine, book_rules, at=moment)
    worklist = worklist_of(
        found,
        at=moment,
        tasks=tasks_of([*engine.rules, *book_rules]),
        pace=pace,
        more=book.actions if book else None,
    )
    timelines = [timeline(engine, it.client, until=moment) for it in found]
    pages = [
        ClientPage(
            it,
            scorecard(it.client, it.schedule, at=moment, rules=engine.rules, weights=weights),
            line,
            moment + span,
        )
        for it, line in zip(found, timelines, strict=True)
    ]
    pages.sort(key=lambda page: page.urgency)
    shown = pages[:limit] if limit else pages
    page = BookPage(moment, known_at, span, pages, shown, worklist, book)
    css = (resources.files(__package__) / _TEMPLATES / "report.css").read_text(encoding="utf-8")
    html = environment.get_template("report.html").render(
        page=page, title=title or f"Clients on {day(moment)}", css=css, style=_digest(css)
    )
    failures = [failure for it in found for failure in it.failures]
    failures += (failure for line in timelines for failure in line.failures)
    failures += book.own_failures if book else ()
    return Report(html, len(pages), len(shown), tuple(dict.fromkeys(failures)))


def _environment() -> "Environment":
    try:
        from jinja2 import Environment, PackageLoader, StrictUndefined
    except ImportError as error:
        raise ExtraMissing("the report", "Jinja2", "report") from error
    environment = Environment(
        loader=PackageLoader(__package__, _TEMPLATES),
        autoescape=True,
        undefined=StrictUndefined,
        finalize=_shown,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    environment.filters |= {
        "clients": _count_of_clients,
        "date": _date,
        "day": day,
        "days": _count_of_days,
        "event": event_words,
        "instant": instant_text,
        "number": "{:,}".format,
    }
    return environment


def _shown(value: object) -> object:
    """Whatever a template prints: a text that was not made by the template has its control characters spelled out."""
    return printable(value) if type(value) is str else value


def _date(moment: datetime) -> str:
    """An instant's day in UTC."""
    return moment.date().isoformat()


def _digest(css: str) -> str:
    """What the page's security policy calls the one style sheet that it allows."""
    return f"sha256-{b64encode(hashlib.sha256(css.encode()).digest()).decode()}"


def _count_of_clients(count: int) -> str:
    return "1 client" if count == 1 else f"{count:,} clients"


def _count_of_days(count: int) -> str:
    return "1 day" if count == 1 else f"{count:,} days"


