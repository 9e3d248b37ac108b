"""One SQL question to SQLite, asked of the log itself: what an event says is read with `json_extract`."""

import sqlite3
from collections.abc import Iterator
from datetime import timedelta

from answers import Item, plain_value
from handwritten import LEFT
from made_files import Made
from workload import MOMENT

DAY = 86_400_000_000

_FACTS = """
    CREATE TEMP TABLE facts AS
        SELECT originator_id AS client, topic AS kind,
            strftime('%s', substr(json_extract(said, '$.at'), 1, 19)) * 1000000
                + CAST(substr(json_extract(said, '$.at'), 21, 6) AS INTEGER) AS at,
            json_extract(said, '$.id') AS id,
            coalesce(json_extract(said, '$.purpose'), 'general') IN ('delivery', 'invoice') AS is_service,
            coalesce(json_extract(said, '$.direction'), 'two_way') AS direction,
            coalesce(json_extract(said, '$.complaint'), json_extract(said, '$.resolves')) AS settles,
            coalesce(json_extract(said, '$.severity'), 'minor') AS severity,
            strftime('%s', json_extract(said, '$.term_end')) * 1000000 AS term_end,
            json_extract(said, '$.tier') AS tier,
            json_extract(said, '$.cadence_days') AS cadence
        FROM (SELECT originator_id, topic, CAST(state AS TEXT) AS said FROM stored_events)
"""
_BASES = """
    CREATE TEMP TABLE bases AS
        SELECT client,
            min(at) AS since,
            max(at) FILTER (WHERE is_contact) AS contact,
            max(at) FILTER (WHERE is_heard) AS heard,
            min(at) FILTER (WHERE kind = 'renewed') AS signed,
            max(at) FILTER (WHERE kind = 'renewed') AS renewed,
            max(term_end) AS term_end,
            max(at) FILTER (WHERE kind = 'left') AS left_at
        FROM (
            SELECT *,
                kind IN ('introduced', 'referred') OR (kind = 'engaged' AND NOT is_service) AS is_contact,
                kind = 'complained' OR (kind = 'referred' AND direction = 'received')
                    OR (kind = 'engaged' AND NOT is_service AND direction <> 'outbound') AS is_heard
            FROM facts WHERE at <= :moment
        ) GROUP BY client
"""
_PROFILES = """
    CREATE TEMP TABLE profiles AS
        SELECT bases.client, coalesce(tiers.tier, 'standard') = 'key' AS is_key, cadences.cadence
        FROM bases
        LEFT JOIN (SELECT client, tier, max(at) FROM facts WHERE tier IS NOT NULL AND at <= :moment GROUP BY client) tiers
            USING (client)
        LEFT JOIN (SELECT client, cadence, max(at) FROM facts WHERE cadence IS NOT NULL AND at <= :moment GROUP BY client)
            cadences USING (client)
"""
_QUIET = """
    CREATE TEMP TABLE quiet AS
        SELECT client, coalesce(contact, since) + :day * coalesce(cadence, iif(is_key, 30, 90)) AS due,
            iif(is_key, 0, 30) * :day AS grace
        FROM bases JOIN profiles USING (client)
"""
_OPEN = """
    CREATE TEMP TABLE open_complaints AS
        SELECT client, at, at + iif(is_key, 1, 7) * :day AS due, iif(severity = 'critical', 4, 3) AS worst
        FROM facts JOIN profiles USING (client)
        WHERE kind = 'complained' AND at <= :moment AND (client, id) NOT IN (
            SELECT client, settles FROM facts WHERE settles IS NOT NULL AND at <= :moment)
"""
_RECENT = """
    CREATE TEMP TABLE recent AS
        SELECT client, max(at) AS latest, min(at) AS earliest FROM (
            SELECT client, at, row_number() OVER (PARTITION BY client ORDER BY at DESC) AS place
            FROM facts WHERE kind = 'complained' AND at <= :moment
        ) WHERE place <= 3 GROUP BY client HAVING count(*) = 3
"""
_CONCERNS = """
    CREATE TEMP TABLE concerns AS
        SELECT client, 2 AS level, due AS starts, due + grace AS until FROM quiet
        UNION ALL SELECT client, 3, due + grace, NULL FROM quiet
        UNION ALL SELECT client, 1, coalesce(heard + 90 * :day, since), NULL FROM bases
        UNION ALL SELECT client, 2, signed + 14 * :day, NULL FROM bases
            WHERE signed IS NOT NULL AND (contact IS NULL OR contact < signed)
        UNION ALL SELECT client, 2, at, due FROM open_complaints
        UNION ALL SELECT client, worst, due, NULL FROM open_complaints
        UNION ALL SELECT client, 3, latest, earliest + 90 * :day FROM recent
        UNION ALL SELECT client, 3, max(term_end - 60 * :day, coalesce(contact, since) + 30 * :day), term_end
            FROM bases WHERE term_end IS NOT NULL
        UNION ALL SELECT client, 4, term_end, term_end + 30 * :day FROM bases WHERE term_end IS NOT NULL
        UNION ALL SELECT client, 5, term_end + 30 * :day, NULL FROM bases WHERE term_end IS NOT NULL
        UNION ALL SELECT client, 5, left_at, NULL FROM bases
            WHERE (contact IS NULL OR contact < left_at) AND (renewed IS NULL OR renewed < left_at) AND left_at IS NOT NULL
"""
_STATUSES = """
    CREATE TEMP TABLE statuses AS
        SELECT client, coalesce(worst, 0) AS status FROM bases LEFT JOIN (
            SELECT client, max(level) AS worst FROM concerns
            WHERE starts <= :moment AND (until IS NULL OR :moment < until) GROUP BY client
        ) USING (client)
"""
_DUE = f"""
    SELECT client, rule, due FROM (
        SELECT client, 'quiet-client' AS rule, due FROM quiet
        UNION ALL SELECT client, 'handoff-gap', signed + 14 * :day FROM bases
            WHERE signed IS NOT NULL AND (contact IS NULL OR contact < signed)
        UNION ALL SELECT client, 'open-complaint', due FROM open_complaints
    ) JOIN statuses USING (client) WHERE due <= :horizon AND status <> {LEFT}
"""  # noqa: S608 - a constant of ours


def full(made: Made) -> Iterator[Item]:
    """Every client at the moment."""
    database = sqlite3.connect(f"file:{made.log}?mode=ro", uri=True, isolation_level=None)
    database.execute("PRAGMA temp_store = MEMORY")
    database.execute("PRAGMA cache_size = -262144")
    values = {
        "day": DAY,
        "moment": plain_value(MOMENT),
        "horizon": plain_value(MOMENT + timedelta(days=7)),
    }
    for statement in (_FACTS, _BASES, _PROFILES, _QUIET, _OPEN, _RECENT, _CONCERNS, _STATUSES):
        database.execute(statement, values)
    yield from database.execute("SELECT client, status FROM statuses").fetchall()
    yield from database.execute(_DUE, values).fetchall()
    database.close()
