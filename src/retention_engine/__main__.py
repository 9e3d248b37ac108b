"""`python -m retention_engine` is the command `retention`."""

from .cli import main

main(prog_name="retention")
