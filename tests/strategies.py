"""Strategies for hypothesis: random logs that look like real ones and hit what is hard, and moments to ask about.

Logs are lists of plain dictionaries, as the lines of a file hold them. They have ties of `at`, events recorded late (or
ahead), retractions, events recorded twice, ids that two clients share, tiers, cadences, judgements and actions.
"""

import json
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime, timedelta, timezone
from itertools import product
from typing import Any

from hypothesis import strategies as st

from retention_engine import BUILT_IN, KINDS, encode
from retention_engine.formats.examples import read_example

START = datetime(2026, 1, 1, tzinfo=UTC)
SPANS = [0, 1, 7, 14, 21, 30, 60, 90, 120, 180, 365]
"""Days that rules count with, so that boundaries are met and not only passed."""
MICROSECOND = timedelta(microseconds=1)

Line = dict[str, Any]

spans = st.one_of(st.sampled_from(SPANS), st.integers(0, 120)).map(lambda count: timedelta(days=count))
JITTERS = [timedelta(0)] * 5 + [MICROSECOND, -MICROSECOND, timedelta(hours=9, seconds=1)]
DAYS = [*SPANS, *SPANS, *SPANS, *range(2, 120, 3), *range(130, 500, 37)]


def one_of(choices: Sequence[Any]) -> st.SearchStrategy[Any]:
    """One of a long list; `sampled_from` would look at each of its items at every draw."""
    return st.integers(0, len(choices) - 1).map(choices.__getitem__)


BUSY_DAYS = [0, 60, 88, *range(90, 105), 210, 280, *range(300, 313), *range(300, 313)]


def mixed(choices: Sequence[Any]) -> list[Any]:
    """The same list with neighbours far apart, the first still first: hypothesis likes the beginning of a list best."""
    return [choices[place] for place in sorted(range(len(choices)), key=lambda place: place * 7919 % len(choices))]


instants = one_of([START + timedelta(days=count) + abs(jitter) for jitter in JITTERS for count in DAYS])
busy_instants = one_of([START + timedelta(days=count) + abs(jitter) for jitter in JITTERS for count in BUSY_DAYS])
"""Instants in two crowds, with silence around them."""
steady_instants = one_of([START + timedelta(days=count) for count in range(0, 375, 15)])
PACES = [instants, instants, busy_instants, busy_instants, steady_instants]
places = st.integers(0, 12)
ZONES = [UTC, timezone(timedelta(hours=5, minutes=30)), timezone(-timedelta(hours=8))]


def written(moment: datetime, zone: timezone = UTC) -> str:
    """An instant as a log writes it."""
    return moment.astimezone(zone).isoformat().replace("+00:00", "Z")


NOT_GIVEN = object()


def variants(**choices: Iterable[Any]) -> list[Line]:
    """Every combination of the choices; hypothesis draws one of a list much faster than field by field."""
    combined = (dict(zip(choices, values, strict=True)) for values in product(*choices.values()))
    return [{name: value for name, value in line.items() if value is not NOT_GIVEN} for line in combined]


def maybe(*choices: Any) -> list[Any]:
    return [NOT_GIVEN, *choices]


SERVED = ["delivery", "delivery", "invoice"]
SHOWN = ["report", "review", "value_review", "refinement", "renewal", "feedback", "testimonial"]
GIVEN = ["resource", "idea", "invitation", "newsletter", "advice", "appreciation"]
PURPOSES = [*SERVED, *SHOWN, *GIVEN, "expectations", "reintroduction", "presale", "social", "resolution", "general"]
LEVELS = ["healthy", "unknown", "watch", "at-risk", "critical", "left"]
LATER = [timedelta(days=count) for count in (0, 7, 30, 60, 90, 120, 365)]
PLACES = range(13)
DIRECTIONS = ["outbound"] * 4 + maybe("inbound", "two_way")
PEOPLE = ["jo", "max", "ann"]
CHANNELS = ["phone", "Phone", "mail", "meeting", "visit"]
DEPTHS = ["token", "token", "routine", "meaningful"]
ANSWERS = [
    *variants(refer=["no", "NO", "No", "no, sorry", "yes", "Yes, gladly."]),
    *variants(quote=["yes", "Yes.", "no"]),
    *variants(start=["Nothing.", "x"], stop=maybe("no", "x")),
    {"stop": "x"},
    {"how": "Fine."},
]
ASKED = [["how"], ["start", "stop"], ["refer"], ["quote"], ["how", "start", "stop", "refer", "quote"]]
MORE = [
    *variants(exceeded=maybe(True, True, False), answers=maybe(*ANSWERS[:4], {"stop": "x"})),
    *variants(resolves=PLACES),
    *variants(reactive_to=PLACES),
    *variants(depth=DEPTHS, learned=maybe("They build.", "They sell.", " ")),
    *variants(channel=CHANNELS),
    *variants(competitor=["Bright & Co"], topic=maybe("price")),
]

VARIANTS: dict[str, list[Line]] = {
    "engaged": [said | more for more in MORE for said in variants(direction=DIRECTIONS, purpose=maybe(*PURPOSES))],
    "engaged in meetings": variants(
        channel=maybe(*CHANNELS),
        depth=maybe(*DEPTHS),
        exceeded=maybe(NOT_GIVEN, NOT_GIVEN, True),
        learned=maybe(NOT_GIVEN, "They build."),
        direction=maybe("outbound", "inbound"),
        purpose=maybe("social", "general", "delivery"),
    ),
    "engaged with a token": variants(
        depth=["token"], direction=maybe("outbound"), channel=["meeting", "phone", "mail"]
    ),
    "engaged in a plain meeting": variants(channel=["meeting", "Visit"], purpose=maybe("social", "advice")),
    "engaged and thanked": variants(purpose=["appreciation"], direction=maybe("outbound")),
    "engaged before the sale": variants(purpose=["presale"], direction=maybe("outbound", "inbound")),
    "engaged by name": [
        {"with": who} | more if who else more
        for who in ([], ["Nora"], ["Nora"], ["Nora"], ["Piet"], ["Nora", "Piet"], ["Nora", "Nora"])
        for more in variants(direction=maybe("outbound", "inbound"), purpose=maybe("presale", "presale", "delivery"))
    ],
    "engaged and asked": variants(
        purpose=maybe("feedback", "review"), asked=maybe(NOT_GIVEN, *ASKED), answers=maybe(*ANSWERS)
    ),
    "engaged and praised": variants(
        asked=maybe(["how"], ["stop"]),
        answers=[
            {"how": "Fine."},
            {"stop": "Nothing."},
            *variants(refer=["yes", "Yes, gladly."], quote=maybe("Yes.", "no")),
        ],
    ),
    "engaged on what to expect": variants(
        purpose=["expectations"], agreed_by=maybe(["us"], ["us"], ["client"], ["us", "client"])
    ),
    "engaged and agreed": [
        *variants(purpose=["expectations"], agreed_by=maybe(["us"], ["client"], ["us", "client"], ["us", "us"])),
        *variants(our_view=maybe(5, 4, 3, 1), client_view=maybe(5, 4, 3, 1)),
    ],
    "engaged and served": variants(purpose=[*SERVED, *SERVED, *SHOWN, "advice"], direction=maybe("outbound")),
    "engaged and gave": variants(purpose=[*GIVEN, "appreciation", "appreciation"], direction=maybe("outbound")),
    "engaged at first": variants(at=[START, START + timedelta(days=30)], purpose=GIVEN),
    "engaged in between": variants(
        at=[START + timedelta(days=count) for count in (90, 91, 120)], purpose=["idea", "general"]
    ),
    "engaged at last": variants(
        at=[START + timedelta(days=count) for count in (180, 200, 269, 270, 300)],
        purpose=["general"] * 5 + ["delivery", "idea"],
    ),
    "engaged and supplied": variants(purpose=[*SERVED, *SERVED, "report", "advice"]),
    "engaged and mended": variants(resolves=range(6), purpose=maybe(NOT_GIVEN, NOT_GIVEN, "refinement")),
    "introduced in vain": variants(
        at=maybe(START, START + timedelta(days=7)), outcome=["not_useful"], role=maybe("helper", "prospect", "supplier")
    ),
    "introduced a year later": variants(
        at=[START + timedelta(days=count) for count in (360, 365, 372)], role=["helper", "prospect", "supplier"]
    ),
    "introduced": variants(
        initiated_by=maybe("us", "client"),
        role=maybe("helper", "prospect", "supplier", "peer"),
        outcome=maybe("useful", "not_useful", "not_useful"),
    ),
    "referred": variants(direction=["given", "received"], outcome=maybe("useful", "not_useful", "not_useful")),
    "complained": variants(
        severity=maybe("minor", "major", "critical"),
        topic=maybe("price", "Price", "speed"),
        threatens_to_leave=maybe(NOT_GIVEN, True, False),
        competitor=maybe(NOT_GIVEN, "Bright & Co"),
    ),
    "renewed": variants(term_end=maybe(*LATER[2:]), term_start=maybe(*LATER[:2])),
    "resolved": variants(complaint=PLACES),
    "profiled": variants(
        tier=maybe("key", "standard", "gold"),
        cadence_days=maybe(NOT_GIVEN, 1, 14, 60, 200),
        owner=maybe("jo", "max"),
        plan=maybe(NOT_GIVEN, NOT_GIVEN, "A call each month"),
    ),
    "profiled as": variants(
        stage=maybe("prospect", "prospect", "client"),
        channel=maybe("phone", "phone", "letter", ""),
        owner=maybe("jo", "max", ""),
        annual_value=maybe(100, "2500.50"),
    ),
    "measured": variants(measure=["leads", "calls"], value=[9, 8, 9.5, "9.99", 10, 11], target=[10]),
    "left": variants(controllable=maybe(True, False)),
    "judged": variants(level=LEVELS, reason=["I met them."], until=maybe(*LATER)),
    "action_done": variants(action=["of another program"]),
    "action_snoozed": variants(action=["of another program"], until=LATER),
    "retracted": variants(event=PLACES),
}
"""The fields of each kind, its first word, and of what it may be about. Spans stand for instants and places for ids, until
a log knows its own."""

envelope_of_line = one_of(
    variants(
        zone=ZONES,
        has_id=[True, True, True, False],
        lag=[None, None, None, timedelta(0), timedelta(days=3), timedelta(days=45), timedelta(days=-2)],
        client=["acme"] * 5 + ["büro 7"],
        by=maybe(*PEOPLE),
    )
)
fields_of = {kind: one_of(mixed(choices)) for kind, choices in VARIANTS.items()}

EVERY_KIND = [*VARIANTS, *["engaged"] * 5, *["complained"] * 3, "renewed", "measured", "profiled", "retracted"]
THEMES = [
    EVERY_KIND,
    ["engaged", "engaged", "engaged", "profiled", "referred", "introduced"],
    ["complained", "complained", "complained", "resolved", "engaged", "profiled", "retracted"],
    ["complained", "engaged by name", "engaged by name", "engaged by name", "profiled"],
    ["complained", "complained", "engaged and thanked", "engaged and gave"],
    ["complained", "resolved", "engaged and served", "engaged and agreed"],
    ["renewed", "renewed", "engaged", "engaged and served", "left", "judged"],
    ["measured", "measured", "measured", "engaged"],
    ["engaged with a token"] * 5 + ["engaged in meetings", "profiled as"],
    ["engaged in a plain meeting"] * 3 + ["engaged in meetings", "profiled as"],
    ["engaged by name", "engaged by name", "engaged by name", "engaged in meetings", "profiled as"],
    ["engaged before the sale"] * 8 + ["profiled as", "profiled as"],
    ["engaged and asked", "engaged and asked", "engaged and agreed", "engaged and served", "complained", "referred"],
    ["engaged and served", "engaged and served", "engaged and agreed", "engaged and gave", "introduced"],
    ["engaged and served", "engaged and gave", "engaged by name"],
    ["introduced", "introduced", "referred", "engaged and asked"],
    ["engaged and praised"] * 5 + ["referred", "engaged and served"],
    ["engaged on what to expect"] * 3 + ["complained", "complained", "engaged and served"],
    ["complained", "complained", "engaged and mended", "engaged and mended", "resolved"],
    [*["introduced in vain"] * 4, "introduced", "introduced a year later", "referred"],
    ["engaged and supplied", "engaged and supplied", "engaged and supplied", "engaged", "renewed"],
    ["engaged at first", "engaged in between", "engaged in between", *["engaged at last"] * 4],
    ["engaged at first", "engaged in between", "engaged in between", *["engaged at last"] * 4],
]
"""What a log is mostly about, so that rules meet enough of the events that they count."""

STORIES = mixed(
    [
        [json.loads(encode(event)) for event in read_example(example).events]
        for rule in BUILT_IN
        for example in (rule.fires, rule.fires, rule.silent)
    ]
)
"""The rules' own examples, so that every rule is met where it fires and where it just does not."""
MOVES = [timedelta(0)] * 50 + [
    MICROSECOND,
    -MICROSECOND,
    timedelta(days=1),
    timedelta(days=-1),
    timedelta(days=7),
    None,
]
"""How an event of a story is moved in time; `None` leaves it out."""
REFERENCES = ["id", "resolves", "reactive_to", "complaint"]


@st.composite
def _lines(draw: st.DrawFn, kinds: Sequence[str], at: st.SearchStrategy[datetime] = instants) -> Line:
    about = kinds[draw(st.integers(0, len(kinds) - 1))]
    kind = about.partition(" ")[0]
    return {"kind": kind, "at": draw(at), **draw(envelope_of_line), **draw(fields_of[about])}


@st.composite
def _stories(draw: st.DrawFn, name: str, *, ids: bool) -> list[Line]:
    """One of the rules' examples, more or less as it stands there; its ids begin with the name."""
    told = draw(one_of(STORIES))
    client = draw(st.sampled_from(["acme", "acme", "büro 7"]))
    story = []
    for place, line in enumerate(told):
        move = draw(one_of(MOVES))
        if move is not None:
            at = datetime.fromisoformat(line["at"]) + move
            named = {field: f"{name}-{line[field]}" for field in REFERENCES if field in line}
            unnamed = {"id": f"{name}-{place}"} if ids else {}
            story.append(line | unnamed | named | {"client": client, "at": written(at)})
    return story


@st.composite
def logs(draw: st.DrawFn, *, ids: bool = False) -> list[Line]:
    """A log of up to 16 lines, a few stories and a few repetitions; with `ids`, every event has one."""
    fewest, most = draw(st.sampled_from([(0, 1), (0, 4), (0, 4), (1, 16), (4, 16), (8, 16), (13, 16)]))
    lines = _lines(draw(st.sampled_from(THEMES)), draw(st.sampled_from(PACES)))
    drafts = draw(st.lists(lines, min_size=fewest, max_size=most))
    log = settled(drafts, ids=ids)
    for number in range(draw(st.integers(0, 3)) if fewest else 2):
        log += draw(_stories(f"s{number}", ids=ids))
    again = draw(st.lists(st.tuples(places, st.sampled_from([-40, 0, 10])), max_size=2))
    with_id = [line for line in log if "id" in line]
    for place, days in again if with_id else ():
        line = with_id[place % len(with_id)]
        recorded_at = datetime.fromisoformat(line.get("recorded_at", line["at"])) + timedelta(days=days)
        log.append(line | {"recorded_at": written(recorded_at)})
    return log


def settled(drafts: list[Line], *, ids: bool = False, taken: Sequence[Line] = ()) -> list[Line]:
    """Drafts as lines of a log, after the lines that are `taken`: ids are given, references filled in, instants written.

    A retraction of nothing would be refused, so it is left out; other references may point nowhere.
    """
    log: list[Line] = []
    for number, draft in enumerate(drafts, start=100 if taken else 0):
        line = dict(draft)
        lag, zone, has_id = line.pop("lag"), line.pop("zone"), line.pop("has_id")
        at = line["at"]
        line["at"] = written(at, zone)
        if lag is not None:
            line["recorded_at"] = written(at + lag)
        for field in ("term_start", "term_end", "until"):
            if field in line:
                line[field] = written(at + line[field])
        if has_id or ids:
            line["id"] = f"e{number - sum(other['client'] != line['client'] for other in log)}"
        log.append(line)
    known = [*taken, *log]
    for line in log:
        for field in ("resolves", "reactive_to", "complaint"):
            if field in line:
                line[field] = f"e{line[field]}"
        if line["kind"] == "retracted":
            line["event"] = _retractable(known, line)
    return [line for line in log if line["kind"] != "retracted" or line["event"] is not None]


def _retractable(log: list[Line], retraction: Line) -> str | None:
    names = [
        line["id"]
        for line in log
        if line["client"] == retraction["client"] and line["kind"] != "retracted" and "id" in line
    ]
    return names[retraction["event"] % len(names)] if names else None


def _happened(line: Line) -> datetime:
    return datetime.fromisoformat(line["at"])


@st.composite
def moments(draw: st.DrawFn, log: list[Line]) -> datetime:
    """A moment worth asking about: at an event, or where a span counted from one is over, or next to that."""
    if not log:
        return draw(instants)
    line = draw(st.sampled_from([*log, *sorted(log, key=_happened)[-len(log) // 3 :] * 6]))
    field = draw(st.sampled_from([name for name in ("at", "at", "recorded_at", "term_end", "until") if name in line]))
    sign = draw(st.sampled_from([1, 1, 1, -1]))
    span = timedelta(days=draw(st.sampled_from([0, 0, *SPANS])))
    return datetime.fromisoformat(line[field]) + sign * span + draw(st.sampled_from(JITTERS))


@st.composite
def questions(draw: st.DrawFn, **how: Any) -> tuple[list[Line], datetime, datetime | None]:
    """A log, a moment to ask about, and until when what was recorded counts (`None`: all of it)."""
    log = draw(logs(**how))
    known_at = draw(moments(log)) if draw(st.integers(0, 3)) == 0 else None
    return log, draw(moments(log)), known_at


@st.composite
def continued(draw: st.DrawFn) -> tuple[list[Line], datetime, list[Line]]:
    """A log, a moment, and a longer log whose further events happened, and were recorded, after the moment."""
    log = draw(logs())
    now = draw(moments(log))
    later = []
    for draft in draw(st.lists(_lines(EVERY_KIND), min_size=1, max_size=5)):
        at = now + MICROSECOND + (draft["at"] - START)
        later.append(draft | {"at": at, "lag": None if draft["lag"] is None else abs(draft["lag"])})
    return log, now, [*log, *settled(later, taken=log)]


def _maybe(**fields: st.SearchStrategy[Any]) -> st.SearchStrategy[Line]:
    return st.fixed_dictionaries({}, optional=fields)


def _must(**fields: st.SearchStrategy[Any]) -> st.SearchStrategy[Line]:
    return st.fixed_dictionaries(fields)


def _both(one: st.SearchStrategy[Line], other: st.SearchStrategy[Line]) -> st.SearchStrategy[Line]:
    return st.builds(lambda first, second: first | second, one, other)


# Whole events, for the codec: every kind, every field, and texts that are hard to carry.

texts = st.text(st.characters(codec="utf-8", exclude_characters="\x00"), max_size=20)
names = st.text(st.characters(codec="utf-8", exclude_categories=["Cc"]), min_size=1, max_size=20)
slugs = st.from_regex(r"[a-z0-9][a-z0-9_-]{0,8}", fullmatch=True)
numbers = st.decimals(-(10**9), 10**9, places=3)
amounts = st.decimals(0, 10**9, places=2)
anytime = st.datetimes(datetime(1900, 1, 2), datetime(2199, 12, 30), timezones=st.sampled_from(ZONES))  # noqa: DTZ001 - hypothesis adds the zone
people = st.lists(texts, max_size=3)
ratings = st.integers(1, 5)
outcomes = st.sampled_from(["useful", "not_useful"])
questions_asked = st.sampled_from(["how", "start", "stop", "refer", "quote"])

WHOLE: dict[str, st.SearchStrategy[Line]] = {
    "engaged": _maybe(
        purpose=slugs,
        depth=st.sampled_from(["token", "routine", "meaningful"]),
        direction=st.sampled_from(["outbound", "inbound", "two_way"]),
        channel=texts,
        with_=people.map(tuple),
        exceeded=st.booleans(),
        reactive_to=names,
        resolves=names,
        asked=st.lists(questions_asked, max_size=3).map(tuple),
        answers=st.dictionaries(questions_asked, texts),
        agreed_by=st.lists(st.sampled_from(["us", "client"]), max_size=2).map(tuple),
        our_view=ratings,
        client_view=ratings,
        learned=texts,
        competitor=texts,
        topic=texts,
    ),
    "introduced": _maybe(
        to=texts,
        role=st.sampled_from(["helper", "prospect", "supplier", "peer"]),
        initiated_by=st.sampled_from(["us", "client"]),
        outcome=outcomes,
    ),
    "referred": _both(
        _must(direction=st.sampled_from(["given", "received"])), _maybe(prospect=texts, outcome=outcomes)
    ),
    "complained": _maybe(
        severity=st.sampled_from(["minor", "major", "critical"]),
        topic=texts,
        threatens_to_leave=st.booleans(),
        competitor=texts,
    ),
    "renewed": _maybe(term_end=anytime, value=amounts, currency=texts),
    "resolved": _must(complaint=names),
    "profiled": _maybe(
        name=texts,
        tier=slugs,
        owner=texts,
        stage=st.sampled_from(["prospect", "client"]),
        channel=texts,
        annual_value=amounts,
        timezone=texts,
        cadence_days=st.integers(1, 36_500),
        plan=texts,
    ),
    "measured": _must(measure=names, value=numbers, target=numbers),
    "left": _maybe(reason=texts, controllable=st.booleans()),
    "action_done": _must(action=names),
    "action_snoozed": _must(action=names, until=anytime),
    "action_dismissed": _must(action=names, reason=texts),
    "judged": _both(_must(level=st.sampled_from(LEVELS), reason=texts), _maybe(until=anytime)),
    "retracted": _both(_must(event=names), _maybe(reason=texts)),
}

envelopes = _both(_must(client=names, at=anytime), _maybe(id=names, recorded_at=anytime, by=texts, note=texts))


@st.composite
def events(draw: st.DrawFn) -> Any:
    """An event of any kind of the package, with any of its fields."""
    kind = draw(st.sampled_from(sorted(KINDS)))
    return KINDS[kind](**draw(envelopes), **draw(WHOLE[kind]), position=draw(st.integers(0, 10**9)))
