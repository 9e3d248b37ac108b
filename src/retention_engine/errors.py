"""What can go wrong, as one family of exceptions with `RetentionError` at its root."""

from collections.abc import Iterable, Sequence

import attrs


class RetentionError(Exception):
    """Anything that this package refuses or cannot do; its text says where and what to do."""


class EventError(RetentionError, ValueError):
    """An event is not valid.

    Attributes:
        code: a stable word for the kind of mistake, such as `naive-time`.
        field: the field at fault, `None` where the event as a whole is.
        reason: what is wrong and what to do.
    """

    def __init__(self, code: str, reason: str, field: str | None = None) -> None:
        super().__init__(f"{field}: {reason}" if field else reason)
        self.code = code
        self.reason = reason
        self.field = field


class KindError(RetentionError, TypeError):
    """A class cannot serve as an event kind."""


class UnknownClient(RetentionError, LookupError):
    """Nothing is known of the client at the moment asked about."""


class QuestionError(RetentionError, ValueError):
    """What was asked has no answer, such as about a period that ends before it starts."""


class ExtraMissing(RetentionError, ImportError):
    """A library is not installed that only some uses of this package need.

    Attributes:
        extra: the extra of this package that brings it.
    """

    def __init__(self, what: str, library: str, extra: str) -> None:
        super().__init__(f'{what} needs {library}; install it: pip install "retention-engine[{extra}]"')
        self.extra = extra


class RuleError(RetentionError, TypeError):
    """A function cannot serve as a rule, or a rule stated something that is no finding."""


class Reported(RuleError):
    """A rule could not be evaluated, for a reason found elsewhere; the text says all there is to say."""


class ImpureRule(RuleError):
    """A rule reached for what is not in its client's history: the clock, chance, the environment, a file, the network.

    Attributes:
        attempt: what it reached for, such as `datetime.now`.
    """

    def __init__(self, message: str, attempt: str = "") -> None:
        super().__init__(message)
        self.attempt = attempt


@attrs.frozen
class Problem:
    """One mistake in an input, with its place.

    Attributes:
        file: the file's name as the user gave it, `-` for standard input.
        line: the 1-based line, `None` where the file as a whole is at fault.
        code: a stable word for the kind of mistake.
        field: the field at fault, if one is.
        message: what is wrong and what to do.
    """

    file: str
    line: int | None
    code: str
    message: str
    field: str | None = None

    def __str__(self) -> str:
        place = self.file if self.line is None else f"{self.file}:{self.line}"
        field = f"{self.field}: " if self.field else ""
        return f"{place}: {field}{self.message} [{self.code}]"


class InputError(RetentionError, ValueError):
    """An input holds lines that cannot be applied; `problems` lists them all, in order."""

    def __init__(self, problems: Iterable[Problem]) -> None:
        self.problems: tuple[Problem, ...] = tuple(problems)
        super().__init__("\n".join(map(str, self.problems)))


class SettingsError(RetentionError, ValueError):
    """Settings hold mistakes; `problems` lists them all, each as `path: what is wrong`."""

    def __init__(self, problems: Sequence[str]) -> None:
        self.problems: tuple[str, ...] = tuple(problems)
        super().__init__("\n".join(self.problems))


MOST_SHOWN = 60


def shown(value: object) -> str:
    """A value as a message quotes it: in JSON's words, control characters spelled out, and cut where it is long."""
    if value is None or isinstance(value, bool):
        return {None: "null", True: "true", False: "false"}[value]
    text = repr(value)
    return text if len(text) <= MOST_SHOWN else text[:MOST_SHOWN] + "…"


def did_you_mean(word: str, choices: Iterable[str]) -> str:
    """A suggestion to append to a message: `; did you mean 'every'?`, or nothing."""
    from difflib import get_close_matches

    near = get_close_matches(word[:MOST_SHOWN], list(choices), n=1)
    return f"; did you mean {near[0]!r}?" if near else ""


class WorkersLost(RetentionError):
    """The workers that assessed a part of the book were lost again and again, such as for want of memory."""


class LogError(RetentionError):
    """The log can't do what was asked; the text names the log, `hint` says what to do.

    Attributes:
        hint: what to do about it, one sentence.
    """

    hint = "Check the log's address."

    def __init__(self, message: str, *, hint: str | None = None) -> None:
        super().__init__(message)
        if hint is not None:
            self.hint = hint


class LogMissing(LogError):
    """There is no log at the address."""

    hint = "Make one with `retention init`, or correct the address."


class NotALog(LogError):
    """What stands at the address is no log of this package."""

    hint = "Correct the address; a log is made with `retention init`."


class LogLocked(LogError):
    """Another writer held the log for longer than we wait."""

    hint = "Try again; if it stays so, look for a program that keeps a transaction open."


class LogFull(LogError):
    """There is no room left for the log; nothing of this write was stored."""

    hint = "Make room on the disk or raise the limit, then try again."


class LogReadOnly(LogError):
    """The log can be read but not written."""

    hint = "Check the permissions of the file and of its folder."


class LogCorrupt(LogError):
    """The log's file or an event in it is damaged."""

    hint = "Run `retention log verify`, and restore the latest backup."


class LogKindMissing(LogCorrupt):
    """An event of the log is of a kind that nobody registered."""

    hint = "Name the plug-in that brings the kind, by --rules or in the settings file."


class LogTooNew(LogError):
    """The log was written by a newer version of this package."""

    hint = "Upgrade retention-engine."


class LogReplaced(LogError):
    """The log's file was deleted or replaced while it was open; nothing was written."""

    hint = "Open the log again, after checking what happened to the file."


class LogOnNetwork(LogError):
    """The log's file lies on a network file system, where SQLite can't keep it safe."""

    hint = "Move the file to a local disk, or use PostgreSQL."


class LogClosed(LogError):
    """The log was closed, or was opened by the process that this one was forked from."""

    hint = "Open the log in the process that uses it, after any fork."


class LogUnavailable(LogError):
    """The database server can't be reached."""

    hint = "Check that the server runs and the address is right."


class VersionConflict(LogError):
    """The client's history has grown since it was read; nothing was written."""

    hint = "Read the client again and decide anew."


class KeyReused(LogError):
    """An event with this id, and other content, is in the log; nothing was written."""

    hint = "Give the new event another id, or retract the old one."


class NoAgenda(LogError):
    """The log has no agenda, or one whose tables are of an earlier version."""

    hint = "Build it: `retention agenda` without --as-is, or `Agenda.rebuild`."


class OutcomeUnknown(LogError):
    """The connection was lost while the log was committing, and it can't be found out whether it did."""

    hint = "Record the event again with the same id: it is stored once."
