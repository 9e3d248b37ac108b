"""The values of settings: read from what TOML gives, and written as a settings file has them."""

from collections.abc import Collection, Mapping
from datetime import timedelta
from decimal import Decimal, InvalidOperation
from typing import Any, Literal, get_args, get_origin

from .errors import did_you_mean, shown
from .moments import duration, duration_text


def read_value(value: object, hint: Any) -> Any:
    """A setting's value from what TOML gives: durations and decimal numbers may be written as text.

    Raises:
        ValueError: the value does not fit; the text says what is expected.
    """
    if get_origin(hint) is tuple:
        if not isinstance(value, list):
            raise ValueError(f"expected a list, got {shown_value(value)}")
        return tuple(read_value(part, get_args(hint)[0]) for part in value)
    if get_origin(hint) is Literal:
        if value not in get_args(hint):
            words = [str(choice) for choice in get_args(hint)]
            raise ValueError(
                f"expected one of {', '.join(words)}, got {shown_value(value)}{did_you_mean(str(value), words)}"
            )
        return value
    if hint is timedelta:
        if not isinstance(value, str):
            raise ValueError(f"expected a duration such as '30 days', got {shown_value(value)}")
        return duration(value)
    if hint is Decimal:
        return _decimal(value)
    if type(value) is not hint:
        names = {int: "a whole number", str: "text", bool: "true or false"}
        raise ValueError(f"expected {names[hint]}, got {shown_value(value)}")
    if isinstance(value, int) and not isinstance(value, bool) and value < 1:
        raise ValueError(f"expected a whole number from 1, got {value}")
    return value


def _decimal(value: object) -> Decimal:
    number = None
    if isinstance(value, str | int | float) and not isinstance(value, bool):
        try:
            number = Decimal(str(value))
        except InvalidOperation:
            number = None
    if number is None or not number.is_finite():
        raise ValueError(f"expected a number such as 0.5, got {shown_value(value)}")
    return number


def value_text(value: object) -> str:
    """A setting's value as a settings file writes it."""
    if isinstance(value, timedelta):
        return duration_text(value)
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, tuple):
        return ", ".join(map(value_text, value))
    return str(value)


def shown_value(value: object) -> str:
    """A value as a message quotes it."""
    return "a table" if isinstance(value, Mapping) else shown(value)


def offer(choices: Collection[str]) -> str:
    """What could be written instead, to append to a message."""
    return f" (there are: {', '.join(choices)})" if choices else " (it has none)"
