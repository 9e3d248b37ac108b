"""Polars over the same events in Parquet: the eight rules as expressions, due dates and ends of intervals included."""

from collections.abc import Iterator
from datetime import timedelta
from itertools import chain

import polars as pl
from answers import Item
from handwritten import AT_RISK, CRITICAL, LEFT, UNKNOWN, WATCH
from made_files import Made
from polars import col, lit
from workload import MOMENT

_NONE = lit(None, pl.Datetime("us", "UTC"))
_TALK = (col("kind") == "engaged") & ~col("purpose").is_in(["delivery", "invoice"])
_CONTACT = _TALK | col("kind").is_in(["introduced", "referred"])
_HEARD = (
    (_TALK & (col("direction") != "outbound"))
    | ((col("kind") == "referred") & (col("direction") == "received"))
    | (col("kind") == "complained")
)


def _days(count: int) -> pl.Expr:
    return lit(timedelta(days=count))


def _at(condition: pl.Expr) -> pl.Expr:
    return col("at").filter(condition)


def full(made: Made) -> Iterator[Item]:
    """Every client at the moment."""
    events = pl.scan_parquet(f"{made.parquet}/*.parquet").filter(col("at") <= MOMENT)
    bases = (
        events.group_by("client")
        .agg(
            since=col("at").min(),
            contact=_at(_CONTACT).max(),
            heard=_at(_HEARD).max(),
            signed=_at(col("kind") == "renewed").min(),
            renewed=_at(col("kind") == "renewed").max(),
            term_end=col("term_end").max(),
            left=_at(col("kind") == "left").max(),
            complaints=_at(col("kind") == "complained").top_k(3),
            tier=col("tier").filter(col("tier").is_not_null()).sort_by(_at(col("tier").is_not_null())).last(),
            cadence=col("cadence_days")
            .filter(col("cadence_days").is_not_null())
            .sort_by(_at(col("cadence_days").is_not_null()))
            .last(),
        )
        .with_columns(is_key=(col("tier") == "key").fill_null(value=False))
        .with_columns(
            quiet=col("contact").fill_null(col("since"))
            + pl.duration(days=pl.coalesce("cadence", pl.when("is_key").then(30).otherwise(90))),
            grace=pl.when("is_key").then(_days(0)).otherwise(_days(30)),
            patience=pl.when("is_key").then(_days(1)).otherwise(_days(7)),
        )
        .collect()
        .lazy()
    )
    settled = events.select("client", id=pl.coalesce("complaint", "resolves")).filter(col("id").is_not_null()).unique()
    complaints = (
        events.filter(col("kind") == "complained")
        .select("client", "id", "at", "severity")
        .join(settled, on=["client", "id"], how="anti")
        .join(bases.select("client", "patience"), on="client")
        .with_columns(due=col("at") + col("patience"))
    )
    left_alone = bases.filter(
        col("signed").is_not_null() & (col("contact").is_null() | (col("contact") < col("signed")))
    )
    last = bases.filter(col("complaints").list.len() == 3)  # noqa: PLR2004 - as many as are too many
    term = bases.filter(col("term_end").is_not_null())
    gone = bases.filter(
        (col("contact").is_null() | (col("contact") < col("left")))
        & (col("renewed").is_null() | (col("renewed") < col("left")))
    )
    quiet, end = col("quiet"), col("term_end")
    silent = pl.max_horizontal(end - _days(60), col("contact").fill_null(col("since")) + _days(30))
    worst = pl.when(col("severity") == "critical").then(CRITICAL).otherwise(AT_RISK)
    concerns = pl.concat(
        [
            _concern(bases, lit(WATCH), quiet, quiet + col("grace")),
            _concern(bases, lit(AT_RISK), quiet + col("grace")),
            _concern(bases, lit(UNKNOWN), (col("heard") + _days(90)).fill_null(col("since"))),
            _concern(left_alone, lit(WATCH), col("signed") + _days(14)),
            _concern(complaints, lit(WATCH), col("at"), col("due")),
            _concern(complaints, worst, col("due")),
            _concern(last, lit(AT_RISK), col("complaints").list.max(), col("complaints").list.min() + _days(90)),
            _concern(term, lit(AT_RISK), silent, end),
            _concern(term, lit(CRITICAL), end, end + _days(30)),
            _concern(term, lit(LEFT), end + _days(30)),
            _concern(gone, lit(LEFT), col("left")),
        ]
    )
    in_force = concerns.filter((col("starts") <= MOMENT) & (col("until").is_null() | (lit(MOMENT) < col("until"))))
    worst_of = in_force.group_by("client").agg(status=col("level").max())
    statuses = bases.select("client").join(worst_of, on="client", how="left").with_columns(col("status").fill_null(0))
    actions = pl.concat(
        [
            bases.select("client", rule=lit("quiet-client"), due="quiet"),
            left_alone.select("client", rule=lit("handoff-gap"), due=col("signed") + _days(14)),
            complaints.select("client", rule=lit("open-complaint"), due="due"),
        ]
    )
    due = (
        actions.filter(col("due") <= MOMENT + timedelta(days=7))
        .join(statuses.filter(col("status") != LEFT).select("client"), on="client", how="semi")
    )  # fmt: skip
    found = pl.collect_all([statuses, due])
    yield from chain.from_iterable(frame.iter_rows() for frame in found)


def _concern(clients: pl.LazyFrame, level: pl.Expr, starts: pl.Expr, until: pl.Expr = _NONE) -> pl.LazyFrame:
    return clients.select("client", level=level.cast(pl.Int8), starts=starts, until=until)
