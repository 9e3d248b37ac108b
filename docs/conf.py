"""How Sphinx builds the documentation: `sphinx-build -W -b html docs docs/_build/html`."""

import re
from importlib.metadata import version as version_of

from pygments.lexers.data import JsonLexer
from pygments.lexers.special import TextLexer
from sphinx.application import Sphinx

project = "retention-engine"
author = "The retention-engine founders"
version = release = version_of("retention-engine")

extensions = ["myst_parser", "sphinx.ext.autodoc", "sphinx.ext.napoleon"]
exclude_patterns = ["_build"]
html_theme = "furo"
html_title = f"{project} {version}"

myst_heading_anchors = 3

default_role = "literal"
autodoc_member_order = "bysource"
autodoc_typehints = "none"
autodoc_preserve_defaults = True
maximum_signature_line_length = 90
python_use_unqualified_type_names = True
napoleon_use_ivar = True


COLON = "\x1f"


def hide_colons(_app: Sphinx, what: str, _name: str, _obj: object, _options: object, lines: list[str]) -> None:
    """Keep napoleon from taking the words before a colon, in a property's first line, for a type."""
    if what in {"attribute", "data", "property"} and lines:
        lines[0] = lines[0].replace(":", COLON)


def show_colons(_app: Sphinx, _what: str, _name: str, _obj: object, _options: object, lines: list[str]) -> None:
    """Put back what `hide_colons` took away."""
    lines[:] = [line.replace(COLON, ":") for line in lines]


def shorten_defaults(
    _app: Sphinx, _what: str, _name: str, _obj: object, _options: object, signature: str | None, returned: str | None
) -> tuple[str | None, str | None]:
    """Show a default that attrs keeps elsewhere as `...`; the class's text says what it is."""
    return signature and re.sub(r"=(attr_dict\['\w+'\]\.default|NOTHING)", "=...", signature), returned


def setup(app: Sphinx) -> None:
    """Show a log's lines as JSON, tables as text, and docstrings as they were written."""
    app.add_lexer("jsonl", JsonLexer)
    app.add_lexer("csv", TextLexer)
    app.connect("autodoc-process-docstring", hide_colons, priority=400)
    app.connect("autodoc-process-docstring", show_colons, priority=600)
    app.connect("autodoc-process-signature", shorten_defaults)
