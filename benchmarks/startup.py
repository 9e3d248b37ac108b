"""What the package adds to the start of a program.

Compares `retention --help` with an empty click program, and `import retention_engine` with importing attrs and msgspec,
which it is built on.
"""

import sys
from pathlib import Path

from side_by_side import command, compare, parser, python, table, target

MOST_TIMES_TO_START = 1.5
MOST_TIMES_TO_IMPORT = 1.3

EMPTY_PROGRAM = """
import click

@click.command()
def main():
    "Do nothing."

main()
"""


def main() -> None:
    """Measure and print."""
    given = parser(__doc__).parse_args()
    retention = str(Path(sys.executable).with_name("retention"))
    commands = compare(
        {
            "empty click program --help": python("-c", EMPTY_PROGRAM, "--help"),
            "retention --help": command(retention, "--help"),
            "retention replay --help": command(retention, "replay", "--help"),
        },
        given.pairs,
    )
    imports = compare(
        {
            "import attrs, msgspec": python("-c", "import attrs, msgspec"),
            "import retention_engine": python("-c", "import retention_engine"),
            "from retention_engine import *": python("-c", "from retention_engine import *"),
        },
        given.pairs,
    )
    table(
        ("", "CPU ms", "times", "from", "to"),
        [
            (
                each.name,
                f"{each.cpu * 1000:.0f}",
                f"{each.ratio:.2f}",
                f"{min(each.ratios):.2f}",
                f"{max(each.ratios):.2f}",
            )
            for each in (*commands, *imports)
        ],
    )
    print()
    target("retention --help, times an empty click program", commands[1].ratio, MOST_TIMES_TO_START)
    target("import retention_engine, times attrs and msgspec", imports[1].ratio, MOST_TIMES_TO_IMPORT)


if __name__ == "__main__":
    main()
