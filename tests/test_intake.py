"""What an import reads with: CSV by its physical lines, column maps, local times, and kinds of an application's own."""

import csv
import io
import tomllib
from datetime import UTC, datetime, timedelta
from typing import Any, ClassVar, Literal
from zoneinfo import ZoneInfo

import attrs
import pytest
from hypothesis import assume, example, given
from hypothesis import strategies as st

from retention_engine import KINDS, Event, Renewed, Settings
from retention_engine.errors import EventError, SettingsError
from retention_engine.formats.column_map import Column, ColumnMap
from retention_engine.formats.csv_records import records_of
from retention_engine.formats.csv_writing import table_of
from retention_engine.formats.intake import Intake
from retention_engine.formats.lines import FileFault, lines_of
from retention_engine.formats.local_time import instant_from
from retention_engine.importing import import_files
from retention_engine.log import create_log
from retention_engine.moments import InstantError

BERLIN = ZoneInfo("Europe/Berlin")

# CSV.


def lines(text: str) -> list[tuple[int, bytes]]:
    return list(enumerate(io.BytesIO(text.encode()), start=1))


def cells(row: list[str]) -> list[str]:
    return [cell or "" for cell in row]


@given(st.text(st.sampled_from('",ab \r\n'), max_size=30))
@example('a,"b\r\nc"\r\nd,e')
def test_what_is_accepted_is_what_python_reads(text):
    try:
        found = list(records_of(lines(text), ","))
    except FileFault:
        return
    assume(not any(isinstance(record.cells, EventError) for record in found))
    expected = list(csv.reader(io.StringIO(text, newline=""), strict=True))
    read = [cells(record.cells) for record in found]
    assert [row for row in read if "".join(row).strip()] == [row for row in expected if "".join(row).strip()]


texts = st.text(st.characters(codec="utf-8", exclude_characters="\x00"), max_size=12) | st.text(
    '",;\t|\r\n x', max_size=6
)


@given(
    table=st.lists(st.lists(texts, min_size=2, max_size=4), max_size=5),
    delimiter=st.sampled_from(",;\t|"),
    quoting=st.sampled_from([csv.QUOTE_ALL, csv.QUOTE_MINIMAL]),
    end=st.sampled_from(["\n", "\r\n"]),
)
def test_what_python_writes_is_read_with_its_physical_lines(table, delimiter, quoting, end):
    assume(end == "\r\n" or not any("\r" in cell for row in table for cell in row))  # Python would not quote it
    written = io.StringIO(newline="")
    writer = csv.writer(written, delimiter=delimiter, quoting=quoting, lineterminator=end)
    starts = []
    for row in table:
        starts.append(written.getvalue().count("\n") + 1)
        writer.writerow(row)
    found = list(records_of(lines(written.getvalue()), delimiter))
    read = [(record.line, cells(record.cells)) for record in found]
    blank = [row for _, row in read if not "".join(row).strip()]
    assert [it for it in read if it[1] not in blank] == [
        it for it in zip(starts, table, strict=True) if "".join(it[1]).strip()
    ]
    assert len(found) == len(table) or quoting == csv.QUOTE_MINIMAL
    assert "".join(record.raw.decode() for record in found if quoting == csv.QUOTE_ALL) in written.getvalue()


@pytest.mark.parametrize("text", ['a,"b', 'a,"b\nc,d\n', '"', 'a,"b""\nc'])
def test_an_open_quote_is_told_where_it_is_opened(text):
    with pytest.raises(FileFault) as fault:
        list(records_of(lines("x,y\n" + text), ","))
    assert (fault.value.line, fault.value.error.code) == (2, "unclosed-quote")


# Column maps.


def problems_of(text: str) -> list[str]:
    with pytest.raises(SettingsError) as refused:
        Settings.from_table(tomllib.loads(text), source="retention.toml")
    return [problem.removeprefix("retention.toml: ") for problem in refused.value.problems]


def test_a_map_says_which_column_holds_what():
    text = """
        [import.task]
        client = "AccountId"
        at = { column = "Done", format = "%d.%m.%Y" }
        kind = "Type"
        kinds = { Call = "engaged" }
        timezone = "Europe/Berlin"
        at-format = "unix-ms"
        delimiter = "\\t"
        fields = { note = "Subject", exceeded = { column = "Gift", values = { Yes = true, No = false } } }
        constants = { channel = "crm", our_view = 4 }
        [import.plain]
        delimiter = ";"
    """
    maps = Settings.from_table(tomllib.loads(text)).imports
    assert maps["task"] == ColumnMap(
        columns={
            "client": Column("AccountId"),
            "at": Column("Done", format="%d.%m.%Y"),
            "kind": Column("Type", {"Call": "engaged"}),
            "note": Column("Subject"),
            "exceeded": Column("Gift", {"Yes": "true", "No": "false"}),
        },
        constants={"channel": "crm", "our_view": 4},
        zone=BERLIN,
        at_format="unix-ms",
        delimiter="\t",
    )
    assert maps["plain"] == ColumnMap(delimiter=";")


def test_all_mistakes_of_all_maps_are_told_at_once():
    text = """
        [import.a]
        client = 5
        kin = "Type"
        at-format = "%H:%M"
        timezone = "Europe/Berlim"
        delimiter = "::"
        fields = { client = "A", noet = "B", value = { colunm = "C" } }
        constants = { kind = "engagd", clinet = "x", note = "y" }
        [import.b]
        kinds = { Call = "engaged" }
        fields = "note"
        [import.c]
        client = "A"
        at = { column = "B", format = "%d.%m.%Y %Z" }
        kind = { column = "C", values = { Call = [] } }
        kinds = { Call = "engagd" }
        fields = { note = "D" }
        constants = { note = "x", answers = { refer = "no" } }
        [import]
        d = "x"
    """
    assert problems_of(text) == [
        (
            "import.a.kin: no such setting; did you mean 'kind'? (there are: client, at, id, kind, kinds, fields, constants,"
            " timezone, at-format, delimiter)"
        ),
        "import.a.client: expected a column's name, or { column = ..., values = ... }, got 5",
        "import.a.fields.value.colunm: no such setting; did you mean 'column'? (there are: column, values, format)",
        "import.a.fields.value.column: name the column",
        "import.a.constants.kind: nobody registered the kind 'engagd'; did you mean 'engaged'?",
        "import.a.fields.client: stands above: client = ...",
        "import.a.fields.noet: no such field; did you mean 'note'?",
        "import.a.constants.clinet: no such field; did you mean 'client'?",
        "import.a.at: is missing; name the column that holds it",
        "import.a.timezone: 'Europe/Berlim' is no time zone of this system; write Europe/Berlin or the like",
        (
            "import.a.at-format: '%H:%M' does not say year, month and day; write a strptime format such as"
            ' "%d.%m.%Y %H:%M", or "unix" or "unix-ms"'
        ),
        "import.a.delimiter: expected one of , ; | and \\t, got '::'",
        'import.b.kinds: says what the cells of a column mean; name the column, kind = "..."',
        "import.b.fields: expected a table, got 'note'",
        "import.c.at.format: %Z reads the name of a zone and forgets it; write %z for an offset, or set timezone",
        "import.c.kind.values.Call: expected text, a number, true or false, got []",
        "import.c.kinds.Call: nobody registered the kind 'engagd'; did you mean 'engaged'?",
        "import.c.constants.note: is given twice: a column holds it, too",
        "import.d: expected a table, got 'x'",
    ]


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("import = 5", "import: expected a table, [import], got 5"),
        ("[import]\ntask = 5", "import.task: expected a table, got 5"),
        ("[import.x]\ntimezone = 5", "import.x.timezone: 5 is no time zone"),
        ('[import.x]\ntimezone = ""', "import.x.timezone: '' is no time zone"),
        ('[import.x]\ntimezone = "../../etc/passwd"', "import.x.timezone: '../../etc/passwd' is no time zone"),
        ('[import.x]\nat-format = "%Q"', "import.x.at-format: '%Q' does not say year, month and day"),
        ("[import.x]\nat-format = 5", "import.x.at-format: 5 does not say year, month and day"),
        ('[import.x]\nat-format = "%d.%m."', "import.x.at-format: '%d.%m.' does not say year, month and day"),
        ('[import.x]\nclient = "A"', "import.x.at: is missing; name the column that holds it"),
        ('[import.x]\nclient = "A"\nat = "B"', 'import.x.kind: is missing; name the column that holds it, or set constants = { kind = "engaged" }'),
        ('[imports.x]\nclient = "A"', "imports: no such table; did you mean 'import'?"),
    ],
)  # fmt: skip
def test_a_mistake_in_a_map_is_told_with_its_path(text, problem):
    assert any(found.startswith(problem) for found in problems_of(text))


def test_of_a_map_a_kind_gets_the_fields_that_it_has(tmp_path):
    text = """
        [import.x]
        client = "A"
        at = "B"
        kind = "C"
        fields = { topic = "D", severity = "E", "answers.refer" = "F" }
        constants = { channel = "crm", answers = { how = "well" }, term_end = 2027-05-01 }
    """
    table = tmp_path / "x.csv"
    rows = ["A,B,C,D,E,F", *(f"a,2026-05-01,{kind},t,major,no" for kind in ("engaged", "complained", "renewed"))]
    table.write_text("\n".join(rows))
    mapping = Settings.from_table(tomllib.loads(text)).imports["x"]
    engaged, complained, renewed = [draft.event for draft in Intake(mapping=mapping).drafts(str(table))]
    assert isinstance(engaged, Event)
    assert isinstance(complained, Event)
    assert isinstance(renewed, Renewed)
    assert renewed.term_end == datetime(2027, 5, 1, tzinfo=UTC)
    assert {key: engaged.fields().get(key) for key in ("topic", "severity", "channel", "answers")} == {
        "topic": "t",
        "severity": None,
        "channel": "crm",
        "answers": {"refer": "no"},
    }
    assert {key: complained.fields().get(key) for key in ("topic", "severity", "channel", "answers")} == {
        "topic": "t",
        "severity": "major",
        "channel": None,
        "answers": None,
    }


# Local times.

ZONES = ["Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "Asia/Kathmandu", "America/Sao_Paulo", "UTC"]
near_changes = st.sampled_from(
    [datetime(2026, 3, 29, 2), datetime(2026, 10, 25, 2), datetime(2026, 3, 8, 2), datetime(2026, 4, 5, 2)]  # noqa: DTZ001 - local times
)


@given(
    zone=st.sampled_from(ZONES),
    local=st.datetimes(datetime(1990, 1, 1), datetime(2030, 1, 1))  # noqa: DTZ001 - local times
    | st.builds(lambda near, minutes: near + timedelta(minutes=minutes), near_changes, st.integers(-90, 90)),
)
def test_a_local_time_is_the_one_instant_at_which_clocks_showed_it(zone, local):
    local = local.replace(microsecond=0, fold=0)
    candidates = {
        moment
        for minutes in range(-15 * 60, 15 * 60, 15)
        if (moment := local.replace(tzinfo=UTC) - timedelta(minutes=minutes))
        .astimezone(ZoneInfo(zone))
        .replace(tzinfo=None, fold=0)
        == local
    }
    if len(candidates) == 1:
        assert {instant_from(local.isoformat(), zone=ZoneInfo(zone))} == candidates
    else:
        with pytest.raises(InstantError) as refused:
            instant_from(local.isoformat(), zone=ZoneInfo(zone))
        assert len(candidates) == {"no-such-time": 0, "ambiguous-time": 2}[refused.value.code]
    try:
        again = {instant_from(local.strftime("%d.%m.%Y %H:%M:%S"), written="%d.%m.%Y %H:%M:%S", zone=ZoneInfo(zone))}
    except InstantError:
        again = set()
    assert again == (candidates if len(candidates) == 1 else set())


@pytest.mark.parametrize(
    ("text", "how", "instant"),
    [
        ("2026-05-02", {"zone": BERLIN}, "2026-05-02T00:00:00"),
        ("02.05.2026", {"zone": BERLIN, "written": "%d.%m.%Y"}, "2026-05-02T00:00:00"),
        ("02.05.2026", {"written": "%d.%m.%Y"}, "2026-05-02T00:00:00"),
        ("2026-05-02T10:00:00", {"zone": BERLIN}, "2026-05-02T08:00:00"),
        ("2026-05-02T10:00:00+05:30", {"zone": BERLIN}, "2026-05-02T04:30:00"),
        ("May 2, 2026 3:04 PM", {"zone": BERLIN, "written": "%B %d, %Y %I:%M %p"}, "2026-05-02T13:04:00"),
        ("2026-05-02 10:00 +0200", {"written": "%Y-%m-%d %H:%M %z"}, "2026-05-02T08:00:00"),
        ("1777716000", {"written": "unix"}, "2026-05-02T10:00:00"),
        ("1777716000500", {"written": "unix-ms"}, "2026-05-02T10:00:00.500000"),
    ],
)
def test_an_instant_is_read_as_it_is_written(text, how, instant):
    assert instant_from(text, **how).isoformat() == instant + "+00:00"


@pytest.mark.parametrize(
    ("text", "how", "code"),
    [
        ("2026-05-02T10:00:00", {}, "naive-time"),
        ("2026-05-02 10:00", {"written": "%Y-%m-%d %H:%M"}, "naive-time"),
        ("2026-05-02T24:00:00", {"zone": BERLIN}, "bad-time"),
        ("2026-05-02T10:00:60", {"zone": BERLIN}, "bad-time"),
        ("2026-02-30T10:00:00", {"zone": BERLIN}, "bad-time"),
        ("02/05/2026", {"zone": BERLIN}, "bad-time"),
        ("02.05.2026 tea time", {"written": "%d.%m.%Y"}, "bad-time"),
        ("0001-01-01T00:00:00", {"zone": BERLIN}, "out-of-range"),
        ("31.12.1899", {"written": "%d.%m.%Y"}, "out-of-range"),
        ("-5", {"written": "unix"}, "bad-time"),
        ("1e9", {"written": "unix"}, "bad-time"),
        ("٣", {"written": "unix"}, "bad-time"),
        ("9999999999", {"written": "unix"}, "out-of-range"),
        ("999999999999999", {"written": "unix"}, "out-of-range"),
        ("99999999999", {"written": "unix-ms"}, "out-of-range"),
    ],
)
def test_what_is_no_instant_is_refused(text, how, code):
    with pytest.raises(InstantError) as refused:
        instant_from(text, **how)
    assert refused.value.code == code


# Kinds of an application's own.


@attrs.frozen(slots=False, kw_only=True)
class Paid(Event):
    """An invoice was paid."""

    kind: ClassVar[str] = "acme.paid"

    ratio: float = 0.0
    days_late: int | None = None
    tags: tuple[str, ...] = ()
    parts: dict[str, str] | None = None
    terms: Literal["net", "gross"] | None = None


OWN = KINDS.adding(Paid)


def test_an_applications_own_kind_comes_in_all_formats(tmp_path):
    (tmp_path / "a.csv").write_text(
        "client,kind,at,ratio,days_late,tags,terms\nacme,acme.paid,2026-05-01,0.25,-3,a;b,net\nacme,acme.paid,2026-05-02,x,,,\n"
    )
    (tmp_path / "b.jsonl").write_text(
        '{"specversion": "1.0", "id": "1", "source": "/pay", "type": "com.example.acme.paid", "subject": "acme",'
        ' "time": "2026-05-03T00:00:00Z", "data": {"ratio": 0.5, "days_late": 2}}\n'
    )
    with create_log("memory://", kinds=OWN) as log:
        files = [str(tmp_path / name) for name in ("a.csv", "b.jsonl")]
        refused = import_files(log, files, intake=Intake(kinds=OWN))
        assert [(problem.line, problem.field, problem.message) for problem in refused.problems] == [
            (3, "ratio", "expected a number, got 'x'")
        ]
        assert (refused.applied, log.head()) == (False, 0)
        (tmp_path / "a.csv").write_text((tmp_path / "a.csv").read_text().replace(",x,", ",1,"))
        assert import_files(log, files, intake=Intake(kinds=OWN), keep_recorded_at=True).stored == 3
        first, second, third = log.client("acme")
    assert isinstance(first, Paid)
    assert (first.ratio, first.days_late, first.tags, first.terms) == (0.25, -3, ("a", "b"), "net")
    assert isinstance(second, Paid)
    assert second.ratio == 1.0
    assert isinstance(third, Paid)
    assert (third.id, third.ratio, third.days_late) == ("/pay 1", 0.5, 2)
    table = b"".join(table_of(lambda: [first, second, third], OWN))
    (tmp_path / "c.csv").write_bytes(table)
    assert [draft.event for draft in Intake(kinds=OWN).drafts(str(tmp_path / "c.csv"))] == [first, second, third]


# Lines.


def test_progress_adds_up_to_the_size_of_the_file(tmp_path):
    file = tmp_path / "log.jsonl"
    file.write_bytes(b'{"client": "acme"}\n' * 5_000 + b"the end")
    told: list[int] = []
    assert sum(len(line) for _, line in lines_of(str(file), told.append)) == file.stat().st_size
    assert len(told) > 2
    assert sum(told) == file.stat().st_size


def test_a_format_that_is_given_goes_before_a_name(tmp_path):
    def drafts(name: str, content: str, **how: Any) -> list[Any]:
        (tmp_path / name).write_text(content)
        return [draft.event for draft in Intake(**how).drafts(str(tmp_path / name))]

    line, table = '{"client": "a", "kind": "engaged", "at": "2026-05-01"}\n', "client,kind,at\na,engaged,2026-05-01\n"
    (event,) = drafts("events", line)
    assert drafts("events.csv", line, format="jsonl") == [event]
    assert drafts("events", table, format="csv") == [event]
    assert drafts("events", table, mapping=ColumnMap()) == [event]
    assert drafts("events.CSV", table) == [event]
    assert drafts("events.ndjson", line, mapping=ColumnMap()) == [event]
