"""DuckDB over the same events in Parquet: the eight rules as SQL, due dates and ends of intervals included."""

from collections.abc import Iterator
from datetime import datetime, timedelta

import duckdb
from answers import Item
from handwritten import LEFT
from made_files import Made
from workload import MOMENT

CONTACT = "(kind IN ('introduced', 'referred') OR (kind = 'engaged' AND purpose NOT IN ('delivery', 'invoice')))"
HEARD = (
    "(kind = 'complained' OR (kind = 'referred' AND direction = 'received')"
    " OR (kind = 'engaged' AND direction <> 'outbound' AND purpose NOT IN ('delivery', 'invoice')))"
)

STATED = f"""
    CREATE TEMP TABLE concerns (client VARCHAR, level TINYINT, starts TIMESTAMPTZ, until TIMESTAMPTZ);
    CREATE TEMP TABLE actions (client VARCHAR, rule VARCHAR, due TIMESTAMPTZ);
    CREATE TEMP TABLE bases AS
        SELECT client,
            min(happened) AS since,
            max(happened) FILTER ({CONTACT}) AS contact,
            max(happened) FILTER ({HEARD}) AS heard,
            min(happened) FILTER (kind = 'renewed') AS signed,
            max(happened) FILTER (kind = 'renewed') AS renewed,
            max(term_end) AS term_end,
            max(happened) FILTER (kind = 'left') AS left_at,
            max(happened, 3) FILTER (kind = 'complained') AS complaints,
            coalesce(arg_max(tier, happened) FILTER (tier IS NOT NULL), 'standard') AS tier,
            arg_max(cadence_days, happened) FILTER (cadence_days IS NOT NULL) AS cadence
        FROM events WHERE happened <= $moment GROUP BY client;
    CREATE TEMP TABLE quiet AS
        SELECT client,
            coalesce(contact, since)
                + to_days(coalesce(cadence, CASE WHEN tier = 'key' THEN 30 ELSE 90 END)::INTEGER) AS due,
            CASE WHEN tier = 'key' THEN INTERVAL 0 DAY ELSE INTERVAL 30 DAY END AS grace
        FROM bases;
    CREATE TEMP TABLE open_complaints AS
        WITH settled AS (
            SELECT client, coalesce(complaint, resolves) AS id FROM events
            WHERE happened <= $moment AND (complaint IS NOT NULL OR resolves IS NOT NULL)
        )
        SELECT it.client, it.happened, it.happened + CASE WHEN bases.tier = 'key' THEN INTERVAL 1 DAY ELSE INTERVAL 7 DAY END AS due,
            CASE WHEN severity = 'critical' THEN 4 ELSE 3 END AS worst
        FROM events it JOIN bases USING (client) ANTI JOIN settled ON it.client = settled.client AND it.id = settled.id
        WHERE it.kind = 'complained' AND it.happened <= $moment;
    INSERT INTO concerns
        SELECT * FROM (
            SELECT client, 2 AS level, due AS starts, due + grace AS until FROM quiet
            UNION ALL SELECT client, 3, due + grace, NULL FROM quiet
            UNION ALL SELECT client, 1, coalesce(heard + INTERVAL 90 DAY, since), NULL FROM bases
            UNION ALL SELECT client, 2, signed + INTERVAL 14 DAY, NULL FROM bases
                WHERE signed IS NOT NULL AND (contact IS NULL OR contact < signed)
            UNION ALL SELECT client, 2, happened, due FROM open_complaints
            UNION ALL SELECT client, worst, due, NULL FROM open_complaints
            UNION ALL SELECT client, 3, complaints[1], complaints[3] + INTERVAL 90 DAY FROM bases WHERE len(complaints) = 3
            UNION ALL SELECT client, 3,
                greatest(term_end - INTERVAL 60 DAY, coalesce(contact, since) + INTERVAL 30 DAY), term_end
                FROM bases WHERE term_end IS NOT NULL
            UNION ALL SELECT client, 4, term_end, term_end + INTERVAL 30 DAY FROM bases WHERE term_end IS NOT NULL
            UNION ALL SELECT client, 5, term_end + INTERVAL 30 DAY, NULL FROM bases WHERE term_end IS NOT NULL
            UNION ALL SELECT client, 5, left_at, NULL FROM bases
                WHERE left_at IS NOT NULL AND coalesce(greatest(contact, renewed) < left_at, true)
        ) WHERE until IS NULL OR starts < until;
    INSERT INTO actions
        SELECT client, 'quiet-client', due FROM quiet
        UNION ALL SELECT client, 'handoff-gap', signed + INTERVAL 14 DAY FROM bases
            WHERE signed IS NOT NULL AND (contact IS NULL OR contact < signed)
        UNION ALL SELECT client, 'open-complaint', due FROM open_complaints;
"""  # noqa: S608 - constants of ours
"""What the rules state, as tables."""

STATUSES = """
    SELECT client, coalesce(max(level) FILTER (starts <= $moment AND (until IS NULL OR $moment < until)), 0) AS status
    FROM bases LEFT JOIN concerns USING (client) GROUP BY client
"""
DUE = f"""
    SELECT client, rule, epoch_us(due) FROM actions JOIN statuses USING (client)
    WHERE due <= $horizon AND status <> {LEFT}
"""  # noqa: S608 - a constant of ours


def stated(made: Made) -> duckdb.DuckDBPyConnection:
    """A database in memory with what the rules state of every client."""
    database = duckdb.connect()
    database.execute("SET TimeZone = 'UTC'")
    files = f"{made.parquet.absolute()}/*.parquet"
    database.execute(f"CREATE VIEW events AS SELECT * RENAME (\"at\" AS happened) FROM read_parquet('{files}')")  # noqa: S608 - a path of ours
    for statement in STATED.split(";"):
        if statement.strip():
            database.execute(statement, {"moment": MOMENT} if "$moment" in statement else None)
    return database


def statuses(database: duckdb.DuckDBPyConnection, moment: datetime) -> None:
    """Work out every client's status at a moment."""
    database.execute(f"CREATE TEMP TABLE statuses AS {STATUSES}", {"moment": moment})


def full(made: Made) -> Iterator[Item]:
    """Every client at the moment."""
    database = stated(made)
    statuses(database, MOMENT)
    yield from database.execute("SELECT client, status FROM statuses").fetchall()
    yield from database.execute(DUE, {"horizon": MOMENT + timedelta(days=7)}).fetchall()
