"""What reading an event costs, beside `json.loads` and beside other ways to get an object out of a line.

The alternatives turn a line's fields into a class with the fields of `Engaged`, and check types and words alone: no
unknown field, no key given twice, no id or slug, no instant without an offset. They show what the choice of the class
costs; `decode` is what the package does.
"""

import json
from collections.abc import Callable
from datetime import datetime
from typing import Any, Literal, TypedDict

import attrs
import made_log
import msgspec
from side_by_side import compare, function, parser, table

from retention_engine import decode

EVENTS = 20_000

FIELDS: dict[str, tuple[Any, Any]] = {
    "client": (str, attrs.NOTHING),
    "kind": (str, attrs.NOTHING),
    "at": (datetime, attrs.NOTHING),
    "id": (str | None, None),
    "recorded_at": (datetime | None, None),
    "by": (str | None, None),
    "note": (str | None, None),
    "purpose": (str, "general"),
    "depth": (Literal["token", "routine", "meaningful"], "routine"),
    "direction": (Literal["outbound", "inbound", "two_way"], "two_way"),
    "channel": (str | None, None),
    "exceeded": (bool, False),
    "reactive_to": (str | None, None),
    "resolves": (str | None, None),
    "agreed_by": (tuple[Literal["us", "client"], ...], ()),
    "our_view": (int | None, None),
    "client_view": (int | None, None),
    "learned": (str | None, None),
    "competitor": (str | None, None),
    "topic": (str | None, None),
}


def attrs_class(*, slots: bool) -> type:
    """A frozen attrs class with these fields."""
    fields = {name: attrs.field(type=hint, default=default) for name, (hint, default) in FIELDS.items()}
    made: type = attrs.make_class("Slotted" if slots else "Unslotted", fields, frozen=True, slots=slots, kw_only=True)
    return made


def struct_class() -> type:
    """A frozen msgspec Struct with these fields."""
    fields = [
        (name, hint) if default is attrs.NOTHING else (name, hint, default) for name, (hint, default) in FIELDS.items()
    ]
    return msgspec.defstruct("Struct", fields, frozen=True, kw_only=True)


def typed_dict() -> Any:
    """A dictionary's type with these fields, none of which has to be there."""
    return TypedDict("Fields", {name: hint for name, (hint, _) in FIELDS.items()}, total=False)  # type: ignore[operator]


def converting(lines: list[bytes], cls: type) -> Callable[[], None]:
    """Read each line and convert its fields into a class."""

    def work() -> None:
        for line in lines:
            msgspec.convert(msgspec.json.decode(line), cls)

    return work


def filling(lines: list[bytes], cls: type) -> Callable[[], None]:
    """Read each line, check its fields and put them into the dictionary of an object, as `decode` does."""
    typed = typed_dict()

    def work() -> None:
        for line in lines:
            values = msgspec.convert(msgspec.json.decode(line), typed)
            made: Any = object.__new__(cls)
            vars(made).update(values)

    return work


def calling(lines: list[bytes], cls: type) -> Callable[[], None]:
    """Read each line, check its fields and call a class with them."""
    typed = typed_dict()

    def work() -> None:
        for line in lines:
            cls(**msgspec.convert(msgspec.json.decode(line), typed))

    return work


def reading(lines: list[bytes], read: Callable[[bytes], object]) -> Callable[[], None]:
    """Read each line with a function."""

    def work() -> None:
        for line in lines:
            read(line)

    return work


def main() -> None:
    """Measure and print."""
    options = parser(__doc__)
    options.add_argument("--events", type=int, default=EVENTS, help="how many lines to read (default: %(default)s)")
    given = options.parse_args()
    made = made_log.lines(clients=given.events // 20, events=given.events * 2)
    lines = [line for line in made if b'"kind": "engaged"' in line][: given.events]
    found = compare(
        {
            "json.loads": function(reading(lines, json.loads)),
            "msgspec.json.decode": function(reading(lines, msgspec.json.decode)),
            "decode": function(reading(lines, decode)),
            "convert to a slotted frozen attrs class": function(converting(lines, attrs_class(slots=True))),
            "check, call a slotted frozen attrs class": function(calling(lines, attrs_class(slots=True))),
            "check, fill an unslotted frozen attrs class": function(filling(lines, attrs_class(slots=False))),
            "convert to an unslotted frozen attrs class": function(converting(lines, attrs_class(slots=False))),
            "convert to a msgspec.Struct": function(converting(lines, struct_class())),
        },
        given.pairs,
    )
    table(
        ("", "events/s", "times", "from", "to"),
        [
            (
                each.name,
                f"{len(lines) / each.cpu:,.0f}",
                f"{each.ratio:.2f}",
                f"{min(each.ratios):.2f}",
                f"{max(each.ratios):.2f}",
            )
            for each in found
        ],
    )
    print(f"\n{len(lines):,} events of the kind engaged a run; times: CPU time over that of json.loads")


if __name__ == "__main__":
    main()
