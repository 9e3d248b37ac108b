"""The whole book by Spark: spark-submit spark_replay.py ADDRESS INSTANT TARGET.

The driver cuts the log into spans of clients; each executor reads its spans from the log by itself and assesses them. What
comes back is a table in Parquet with a row for each client.
"""

import sys

from pyspark.sql import SparkSession

from retention_engine import Assessment, Recipe, ReplayWork, instant, open_log, replay_span

EVENTS_A_SPAN = 50_000
COLUMNS = "client string, status string, worst string, next_action string, due timestamp"


def row(assessment: Assessment) -> tuple[object, ...]:
    """A client's row; the worst concern and the next action stand for all."""
    worst = assessment.concerns[0].rule if assessment.concerns else None
    action = assessment.actions[0] if assessment.actions else None
    todo = (action.message, action.due) if action else (None, None)
    return (assessment.client.id, str(assessment.status), worst, *todo)


def main(address: str, at: str, target: str) -> None:
    """Cut, hand out, write."""
    work = ReplayWork(Recipe(), row, instant(at))
    with open_log(address) as log:
        spans = [tuple(span) for span in log.spans(EVENTS_A_SPAN)]
    spark = SparkSession.builder.appName("retention").getOrCreate()
    pieces = spark.sparkContext.parallelize(spans, max(1, len(spans)))
    rows = pieces.flatMap(lambda span: replay_span(work, address, span))
    spark.createDataFrame(rows, COLUMNS).write.mode("overwrite").parquet(target)
    spark.stop()


if __name__ == "__main__":
    main(*sys.argv[1:])
