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


class RuleError(RetentionError, TypeError):
    """A function cannot serve as a rule, or a rule stated something that is no finding."""


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


def did_you_mean(word: str, choices: Iterable[str]) -> str:
    """A suggestion to append to a message: `; did you mean 'every'?`, or nothing."""
    from difflib import get_close_matches

    near = get_close_matches(word, list(choices), n=1)
    return f"; did you mean {near[0]!r}?" if near else ""
