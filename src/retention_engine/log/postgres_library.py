"""What we extend of the library for PostgreSQL, imported without the library's changes to the application's logging."""

import logging

_LOGGERS = [logging.getLogger(name) for name in ("psycopg", "psycopg.pool")]
_LEVELS = [logger.level for logger in _LOGGERS]
# The library silences these loggers when it is imported; what is logged is for the application to say.
from eventsourcing.postgres import (  # noqa: E402 - after the look-up
    PostgresApplicationRecorder,
    PostgresDatastore,
    PostgresTrackingRecorder,
)

for _logger, _level in zip(_LOGGERS, _LEVELS, strict=True):
    _logger.setLevel(_level)

__all__ = ["PostgresApplicationRecorder", "PostgresDatastore", "PostgresTrackingRecorder"]
