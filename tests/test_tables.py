"""Tables: coloured on a terminal, plain elsewhere, with names as they are and nothing cut off."""

import io
import os
import pty
from contextlib import contextmanager

import pytest

from retention_engine.formats.tables import PLAIN_WIDTH, console, print_table

COLUMNS = ("client", "status", "why")
END = "\x03"


def printed(*rows: tuple[str, str, str], columns: tuple[str, ...] = COLUMNS) -> str:
    file = io.StringIO()
    print_table(file, columns, rows)
    return file.getvalue()


@contextmanager
def terminal():
    """A file on a real terminal, and a function that says what that showed."""
    screen, keyboard = pty.openpty()
    with open(keyboard, "w", encoding="utf-8") as file:  # noqa: PTH123 - a file descriptor

        def shown() -> str:
            file.write(END)
            file.flush()
            text = ""
            while not text.endswith(END):  # a terminal hands over what it has so far
                text += os.read(screen, 65_536).decode()
            return text.removesuffix(END)

        yield file, shown
    os.close(screen)


@pytest.fixture(autouse=True)
def _a_terminal_with_colours(monkeypatch):
    for name in ("NO_COLOR", "FORCE_COLOR", "COLUMNS", "TTY_COMPATIBLE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("TERM", "xterm-256color")


def test_a_table_is_plain_text_where_nobody_watches():
    table = printed(("acme", "at-risk", "Nobody has been in touch."), ("bolt", "healthy", ""))
    lines = [line.rstrip() for line in table.splitlines()]
    assert lines[0] == "client   status    why"
    assert set(lines[1]) == {"─"}
    assert lines[2:] == ["acme     at-risk   Nobody has been in touch.", "bolt     healthy"]
    assert "\x1b" not in table


def test_a_table_is_as_wide_everywhere_it_is_plain(monkeypatch):
    monkeypatch.setenv("COLUMNS", "40")
    table = printed(("acme", "watch", "word " * 100))
    assert max(map(len, table.splitlines())) == PLAIN_WIDTH


def test_nothing_is_cut_off():
    long_name = "x" * 199 + "y"
    table = printed((long_name, "watch", "word " * 60))
    assert "".join(table.split()).count("x") == 199
    assert "y" in "".join(line[:60] for line in table.splitlines()[2:])
    assert table.count("word") == 60
    assert "…" not in table


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("[red]x[/red]", "[red]x[/red]"),
        ("[/]", "[/]"),
        ("[link=https://example.org]x", "[link=https://example.org]x"),
        (":smile:", ":smile:"),
        ("=1+1", "=1+1"),
        ("\x1b[31mred", r"\x1b[31mred"),
        ("two\nlines", r"two\nlines"),
        ("a\u202eb", r"a\u202eb"),
        ("Zoë 株式会社", "Zoë 株式会社"),
        ("\\[x]", "\\[x]"),
    ],
)
def test_a_name_is_shown_as_it_is_and_steers_nothing(name, shown):
    table = printed((name, "watch", ""))
    assert shown in table
    assert len(table.splitlines()) == 3


def test_levels_have_colours_on_a_terminal():
    with terminal() as (file, shown):
        print_table(file, COLUMNS, [("acme", "critical", "")])
        assert "\x1b[1;31mcritical\x1b[0m" in shown()


def test_a_client_that_is_named_like_a_level_has_no_colour():
    with terminal() as (file, shown):
        print_table(file, COLUMNS, [("critical", "healthy", "left")])
        text = shown()
    assert "\x1b[32mhealthy\x1b[0m" in text
    assert "31mcritical" not in text
    assert "mleft" not in text


@pytest.mark.parametrize(("value", "colours"), [("1", False), ("0", False), ("", True)])
def test_no_color_counts_where_it_is_set_to_something(monkeypatch, value, colours):
    monkeypatch.setenv("NO_COLOR", value)
    with terminal() as (file, shown):
        print_table(file, COLUMNS, [("acme", "critical", "")])
        assert ("\x1b[1;31m" in shown()) is colours


def test_force_color_does_not_put_escapes_into_a_file(monkeypatch):
    monkeypatch.setenv("FORCE_COLOR", "1")
    assert "\x1b" not in printed(("acme", "critical", ""))


def test_a_terminal_that_knows_no_colours_gets_none(monkeypatch):
    monkeypatch.setenv("TERM", "dumb")
    with terminal() as (file, shown):
        print_table(file, COLUMNS, [("acme", "critical", "")])
        assert "\x1b[" not in shown()


def test_a_row_has_as_many_cells_as_there_are_columns():
    with pytest.raises(ValueError, match="shorter"):
        printed(("acme", "watch"))  # type: ignore[arg-type]


def test_a_console_on_a_file_has_a_width_of_its_own():
    assert console(io.StringIO()).width == PLAIN_WIDTH
