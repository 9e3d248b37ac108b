"""The addresses of logs."""

SQLITE = "sqlite://"
MEMORY = "memory://"
POSTGRES = ("postgresql://", "postgres://")


def is_address(text: str) -> bool:
    """Whether a text is a log's address rather than the name of a file of events."""
    return text.startswith((SQLITE, MEMORY, *POSTGRES))
