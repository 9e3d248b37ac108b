"""The picture to look at: the whole book at a moment as one HTML page that needs nothing else, no script and no network."""

import hashlib
from base64 import b64encode
from collections.abc import Collection, Iterable, Sequence
from datetime import datetime, timedelta
from importlib import resources
from typing import TYPE_CHECKING

import attrs

from ..binding import BoundRule
from ..book import replay, with_book
from ..engine import Engine
from ..errors import ExtraMissing
from ..events import Event
from ..gathering import Histories
from ..moments import days, in_utc, instant_text
from ..scoring import Weights, scorecard
from ..stating import RuleFailure
from ..timelines import timeline
from ..worklist import STANDARD_PACE, Pace, tasks_of, worklist_of
from .pictures import percent
from .report_book import BookPage
from .report_client import ClientPage
from .words import counted, date, printable

if TYPE_CHECKING:
    from jinja2 import Environment

TITLE = "Client report"
LIMIT = 500
_TEMPLATES = "templates"


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
    pages = []
    for one in found:
        card = scorecard(one.client, one.schedule, at=moment, rules=engine.rules, weights=weights)
        pages.append(ClientPage(one, card, timeline(engine, one.client, until=moment), moment + span))
    failures = [failure for page in pages for failure in (*page.failures, *page.timeline.failures)]
    failures += book.own_failures if book else ()
    pages.sort(key=lambda page: page.urgency)
    shown = pages[:limit] if limit else pages
    css = (resources.files(__package__) / _TEMPLATES / "report.css").read_text(encoding="utf-8")
    html = environment.get_template("report.html").render(
        page=BookPage(moment, known_at, span, pages, shown, worklist, book),
        title=title or TITLE,
        css=css,
        style=_digest(css),
    )
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
    )
    environment.filters |= {
        "counted": counted,
        "date": date,
        "instant": instant_text,
        "number": "{:,}".format,
        "percent": percent,
    }
    return environment


def _shown(value: object) -> object:
    """Whatever a template prints: a text that comes from elsewhere has its control characters spelled out."""
    return printable(value) if type(value) is str else value


def _digest(css: str) -> str:
    """How the page's security policy names the one style sheet that it allows."""
    return f"sha256-{b64encode(hashlib.sha256(css.encode()).digest()).decode()}"
