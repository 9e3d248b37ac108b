"""Write the reference pages from the code that they describe: `python docs/generate.py`.

A test compares the pages with what this would write, so they can't fall behind.
"""

import re
import tomllib
from collections.abc import Iterator, Mapping
from importlib import import_module
from inspect import cleandoc, getdoc
from pathlib import Path
from types import NoneType
from typing import Annotated, Any, Literal, get_args, get_origin, get_type_hints

import attrs
import click
from msgspec import Meta

from retention_engine import KINDS, Event, Rule, rules
from retention_engine.cli import COMMANDS, main
from retention_engine.declare import Setting
from retention_engine.formats.rule_page import TAKES, examples_of, recommends_nothing
from retention_engine.schema import Amount, Identifier, Instant, Number, Slug, schema_of
from retention_engine.setting_values import value_text
from retention_engine.settings import CATALOGUE, DEFAULT_PACKS

FOLDER = Path(__file__).parent / "reference"
PRACTICES = Path(__file__).parent / "practices.toml"

GENERATED = "<!-- Written by docs/generate.py from the code; change the code and run that. -->"

TYPE_WORDS = {
    Instant: "instant",
    Identifier: "id",
    Slug: "slug",
    Number: "number",
    Amount: "number, 0 or more",
    str: "text",
    bool: "`true` or `false`",
    int: "whole number",
}

CORE = ("engaged", "introduced", "referred", "complained", "renewed")

MEANING = {
    "introduced.to": "who the client was introduced to, or whom the client introduced us to",
    "introduced.role": "what that person is to the one who was introduced",
    "introduced.initiated_by": "who made the introduction",
    "introduced.outcome": "what it led to",
    "referred.direction": "`given`: we recommended the client; `received`: the client recommended us",
    "referred.prospect": "to whom",
    "referred.outcome": "what it led to",
    "complained.severity": "how bad it is for the client",
    "complained.topic": "what it is about",
    "complained.threatens_to_leave": "whether the client spoke of leaving",
    "complained.competitor": "a competitor that was named",
    "renewed.term_start": "when the term starts",
    "renewed.term_end": "when the term ends; must lie after `term_start`",
    "renewed.value": "what the term is worth",
    "renewed.currency": "in which currency",
    "resolved.complaint": "the complaint's event id",
    "profiled.name": "what the client is called",
    "profiled.tier": "how much care the client gets; `standard` until said otherwise",
    "profiled.owner": "who of us looks after the client",
    "profiled.stage": "whether the client has signed yet",
    "profiled.channel": "the channel that the client prefers",
    "profiled.annual_value": "what the client is worth in a year",
    "profiled.timezone": "the client's time zone, such as `Europe/Paris`",
    "profiled.cadence_days": "every how many days this client is to be contacted; goes before the tier's rhythm",
    "profiled.plan": "how we mean to keep the client, in a line or two",
    "measured.measure": "what was measured",
    "measured.value": "how it came out",
    "measured.target": "what was agreed",
    "left.reason": "why the client left",
    "left.controllable": "whether we could have done something about it",
    "action_done.action": "the action's id",
    "action_snoozed.action": "the action's id",
    "action_snoozed.until": "until when it is hidden",
    "action_dismissed.action": "the action's id",
    "action_dismissed.reason": "why it is not to be done",
    "judged.level": "the verdict",
    "judged.reason": "what it rests on",
    "judged.until": "when the rules take over again",
    "retracted.event": "the id of the event that should not have been recorded",
    "retracted.reason": "why",
}
"""What a field means, for the fields whose class does not say so itself."""


def pages() -> dict[str, str]:
    """The text of every generated page by its file's name."""
    written = {
        "events.md": _events(),
        "rules.md": _rules(),
        "packs.md": _packs(),
        "practices.md": _practices(),
        "cli.md": _cli(),
    }
    return {name: "\n".join([GENERATED, "", *lines]).rstrip() + "\n" for name, lines in written.items()}


# Events.


def _events() -> Iterator[str]:
    yield "# Event kinds"
    yield ""
    yield (
        "Every kind of event with its fields. [The log format](../log-format.md) says how a line is written and what"
        " is refused. A field marked * must be given; a field that is left out has its default."
    )
    yield ""
    yield "## Fields of every kind"
    yield ""
    yield from _field_table(Event, of_every_kind=True)
    yield "## The five core kinds"
    yield ""
    for kind in CORE:
        yield from _kind(KINDS[kind])
    yield "## The supporting kinds"
    yield ""
    for kind in KINDS:
        if kind not in CORE:
            yield from _kind(KINDS[kind])


def _kind(cls: type[Event]) -> Iterator[str]:
    yield f"### `{cls.kind}`"
    yield ""
    yield f"{_summary(cls)} In Python: `{cls.__name__}`."
    yield ""
    yield from _field_table(cls, of_every_kind=False)


def _field_table(cls: type[Event], *, of_every_kind: bool) -> Iterator[str]:
    schema = schema_of(cls)
    hints = get_type_hints(cls, include_extras=True)
    explained = _attributes(cls)
    shared = schema_of(Event).attribute
    rows = []
    if of_every_kind:
        rows.append(["`kind` *", "text", "", "the kind, one of those below or one that an application registered"])
    for name, attribute in schema.attribute.items():
        if of_every_kind or name not in shared:
            meaning = explained.get(attribute) or MEANING[f"{cls.kind}.{name}"]
            meaning = meaning.replace(f" (`{name}` in a log)", "").removesuffix(".")
            mark = " *" if name in schema.required else ""
            rows.append([f"`{name}`{mark}", _type_words(hints[attribute]), _default(schema.default.get(name)), meaning])
    yield from _table(["field", "holds", "default", "meaning"], rows)


def _type_words(hint: Any) -> str:
    for known, words in TYPE_WORDS.items():
        if hint == known:
            return words
    origin, inner = get_origin(hint), get_args(hint)
    if origin is Annotated:
        limits = next(mark for mark in hint.__metadata__ if isinstance(mark, Meta))
        return f"whole number, {limits.ge} to {limits.le:,}"
    if origin is Literal:
        *others, last = (f"`{word}`" for word in inner)
        return f"{', '.join(others)} or {last}"
    if origin is tuple:
        return f"list, each {_type_words(inner[0])}"
    if origin is dict:
        return f"object: a {_type_words(inner[1])} each for {_type_words(inner[0])}"
    (given,) = [part for part in inner if part is not NoneType]
    return _type_words(given)


def _default(value: object) -> str:
    return "" if value is None or value in ((), {}) else f"`{value_text(value)}`"


def _summary(thing: object) -> str:
    return (getdoc(thing) or "").split("\n", 1)[0]


def _attributes(cls: type) -> dict[str, str]:
    """What a class's docstring says of its attributes."""
    section = re.search(r"\nAttributes:\n((?:    .*\n?)+)", (getdoc(cls) or "") + "\n")
    found: dict[str, str] = {}
    name = ""
    for line in section[1].splitlines() if section else ():
        match = re.match(r" {4}(\w+): (.*)", line)
        if match:
            name = match[1]
            found[name] = match[2]
        else:
            found[name] += " " + line.strip()
    return found


# Rules and packs.


def _rules() -> Iterator[str]:
    yield "# Rules"
    yield ""
    yield (
        "Every built-in rule: the problem that it finds, why that matters, and what can be set. A value for a tier goes"
        " before a general one; [settings](../settings.md) tells how to change them. `retention rules explain NAME`"
        " prints the same for the settings in force. Those at the end are about all clients"
        " together; [the whole book](../book.md) shows what they say."
    )
    yield ""
    module = ""
    for rule in CATALOGUE:
        if rule.origin != module:
            module = rule.origin
            yield f"## {_theme(module)}"
            yield ""
        yield from _rule(rule)


def _theme(module: str) -> str:
    """The first words of a theme's module: `Contact: whether we talk ...` is the theme Contact."""
    return (import_module(module).__doc__ or "").partition("\n")[0].removesuffix(".")


def _rule(rule: Rule) -> Iterator[str]:
    yield f"### {rule.name}"
    yield ""
    yield rule.about
    yield ""
    yield re.sub(r"(?<!\n)\n(?!\n)", " ", rule.rationale)
    yield ""
    for heading, lines in examples_of(rule):
        yield from (f"{heading}:", "", "```text", *lines, "```", "")
    yield (
        f"Packs: {', '.join(f'[{pack}](packs.md#{pack})' for pack in rule.packs) or 'none'}."
        f" [Dimension](../health.md#four-dimensions): {rule.dimension}."
        + (" It recommends no action." if recommends_nothing(rule) else f" Actions take {TAKES[rule.settled_by]}.")
    )
    yield ""
    if not rule.settings:
        yield "It has no settings."
        yield ""
        return
    yield from _table(
        ["setting", "holds", "default", *(f"default for tier `{tier}`" for tier in rule.tiers), "meaning"],
        [
            [
                f"`{setting.name}`",
                _setting_words(setting),
                f"`{value_text(setting.default)}`",
                *(f"`{value_text(values.get(setting.name, setting.default))}`" for values in rule.tiers.values()),
                setting.about.removesuffix("."),
            ]
            for setting in rule.settings.values()
        ],
    )


def _setting_words(setting: Setting) -> str:
    if setting.type is int:
        return "whole number, 1 or more"
    if get_origin(setting.type) is tuple:
        return f"list, each {_setting_words(attrs.evolve(setting, type=get_args(setting.type)[0]))}"
    words = {"timedelta": "duration", "Decimal": "number", "str": "text", "bool": "`true` or `false`"}
    return words.get(getattr(setting.type, "__name__", "")) or _type_words(setting.type)


def _packs() -> Iterator[str]:
    yield "# Packs"
    yield ""
    yield (
        "A pack is a set of rules that are turned on together, by `--pack NAME` or in the"
        " [settings file](../settings.md). A rule may be in several. Each pack but `essentials` takes up what one of"
        " [five articles](../why.md#where-the-rules-come-from) recommends, so that a log that records little is not"
        " judged by practices that its owner has not taken up."
    )
    yield ""
    yield from _table(
        ["rule", *(f"[{pack}](#{pack})" for pack in rules.PACKS)],
        [
            [f"[{rule.name}](rules.md#{rule.name})", *("on" if pack in rule.packs else "" for pack in rules.PACKS)]
            for rule in CATALOGUE
        ],
    )
    for pack, about in rules.PACKS.items():
        yield f"## {pack}"
        yield ""
        yield f"{about[:1].upper()}{about[1:]}." + ("" if pack in DEFAULT_PACKS else f" Turn it on: `--pack {pack}`.")
        yield ""
        for rule in CATALOGUE:
            if pack in rule.packs:
                yield f"- [{rule.name}](rules.md#{rule.name}): {rule.about}"
        yield ""


# Practices.


def _practices() -> Iterator[str]:
    listed = tomllib.loads(PRACTICES.read_text(encoding="utf-8"))["practice"]
    yield "# Practices"
    yield ""
    yield (
        f"The [five articles](../why.md#where-the-rules-come-from) recommend {len(listed)} things to do. This table says"
        " what in the engine looks after each, and what has to be recorded for it: a practice of which nothing is recorded"
        " can't be told from one that is neglected. [Event kinds](events.md) explains the fields."
    )
    yield ""
    rows = []
    for practice in listed:
        means = [f"[{name}](rules.md#{name})" for name in (*practice.get("rules", ()), *practice.get("book", ()))]
        means += [f"[`retention {name}`](cli.md#retention-{name})" for name in practice.get("commands", ())]
        fields = [f"`{field}`" for field in practice["fields"]]
        articles = ", ".join(practice["articles"])
        rows.append([str(practice["number"]), practice["says"], articles, ", ".join(means), ", ".join(fields)])
    yield from _table(["", "practice", "article", "looked after by", "to be recorded"], rows)


# The command line.


def _cli() -> Iterator[str]:
    yield "# Command line"
    yield ""
    yield (
        "Every command and its options, as `--help` prints them. Results go to standard output, errors and progress to"
        " standard error. [Verdicts and exit codes](../verdicts.md) describes what is printed."
    )
    yield ""
    context = _context(main, "retention", None)
    yield from _command(main, context, "##")
    for name in COMMANDS:
        command = main.get_command(context, name)
        yield from _tree(command, _context(command, name, context), "##")


def _tree(command: click.Command, context: click.Context, heading: str) -> Iterator[str]:
    yield from _command(command, context, heading)
    if isinstance(command, click.Group):
        for name in command.list_commands(context):
            inner = command.get_command(context, name)
            yield from _tree(inner, _context(inner, name, context), f"{heading}#")


def _command(command: click.Command, context: click.Context, heading: str) -> Iterator[str]:
    yield f"{heading} {context.command_path}"
    yield ""
    yield from ("```text", f"{context.command_path} {' '.join(command.collect_usage_pieces(context))}", "```", "")
    for paragraph in cleandoc(command.help or "").split("\n\n"):
        if paragraph.startswith("\b\n"):
            title, *lines = paragraph.removeprefix("\b\n").splitlines()
            yield from (title, "", "```text", *(line.removeprefix("  ") for line in lines), "```", "")
        else:
            yield from (_escaped(" ".join(paragraph.split())), "")
    options = [
        record
        for parameter in command.get_params(context)
        if isinstance(parameter, click.Option) and (record := parameter.get_help_record(context))
    ]
    yield from _table(["option", "meaning"], [[f"`{name}`", _escaped(meaning)] for name, meaning in options])
    if command.epilog:
        yield from (_escaped(command.epilog), "")


def _context(command: click.Command, name: str, parent: click.Context | None) -> click.Context:
    return click.Context(command, **{**command.context_settings, "info_name": name, "parent": parent})


# Markdown.


def _escaped(text: str) -> str:
    return re.sub(r"([*<\[\]])", r"\\\1", " ".join(text.split()))


def _table(head: list[str], rows: list[list[str]]) -> Iterator[str]:
    for cells in (head, ["---"] * len(head), *rows):
        yield "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |"
    yield ""


def write(folder: Path, texts: Mapping[str, str]) -> None:
    """Write pages into a folder."""
    folder.mkdir(exist_ok=True)
    for name, text in texts.items():
        (folder / name).write_text(text, encoding="utf-8")


if __name__ == "__main__":
    write(FOLDER, pages())
