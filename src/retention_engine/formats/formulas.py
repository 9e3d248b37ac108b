"""Texts that a spreadsheet would take for formulas, made harmless in a table that we write, and restored on reading."""

import re

_START = r" *(?:[=@\t\r\n]|[+-](?!\d+(?:\.\d+)?\Z))"  # a plain number is harmless
_FORMULA = re.compile("'*" + _START, re.ASCII)
_ESCAPED = re.compile("'+" + _START, re.ASCII)


def as_cell(text: str) -> str:
    """A text with an apostrophe in front where it starts like a formula, or like one that has an apostrophe already."""
    return "'" + text if _FORMULA.match(text) else text


def as_text(cell: str) -> str:
    """What `as_cell` was given."""
    return cell[1:] if _ESCAPED.match(cell) else cell
