"""What was expected beside what is stated, with the differences marked."""

from collections.abc import Iterator, Sequence

from .stated import Stated, StatedConcern, differences
from .writing import table

Pair = tuple[Stated | None, Stated | None]
"""An expectation and the statement that is meant by it; one of them may be lacking."""


def comparison(
    expected: Sequence[Stated], actual: Sequence[Stated], names: tuple[str, str] = ("expected", "actual")
) -> str:
    """Both sides as a table, in order of time; a line that differs says in what."""
    pairs = sorted(_pairs(expected, actual), key=lambda pair: min(it.starts for it in pair if it is not None))
    rows = []
    for one, other in pairs:
        said = _difference(one, other)
        rows.append(["!" if said else "", repr(one) if one else "", repr(other) if other else "", said])
    if not rows or not any(row[0] for row in rows):
        return f"{list(expected)}\n{list(actual)}\n\nThese are the same, in another order: write them in order of time."
    return table(["", *names, "difference"], rows)


def _difference(one: Stated | None, other: Stated | None) -> str:
    if one is None:
        return "not expected"
    return "missing" if other is None else ", ".join(differences(one, other))


def _pairs(expected: Sequence[Stated], actual: Sequence[Stated]) -> Iterator[Pair]:
    """Each expectation with the statement that is closest to it: the same, else of its level, else of its subject."""
    wanted, said = list(expected), list(actual)
    for likeness in (_are_same, _are_of_one_level_and_subject, _are_of_one_level, _are_of_one_subject):
        for one in tuple(wanted):
            other = next((it for it in said if likeness(one, it)), None)
            if other is not None:
                yield one, other
                wanted = [it for it in wanted if it is not one]
                said = [it for it in said if it is not other]
    yield from ((one, None) for one in wanted)
    yield from ((None, other) for other in said)


def _are_same(one: Stated, other: Stated) -> bool:
    return not differences(one, other)


def _are_of_one_level_and_subject(one: Stated, other: Stated) -> bool:
    return _are_of_one_level(one, other) and "about" not in differences(one, other)


def _are_of_one_level(one: Stated, other: Stated) -> bool:
    found = differences(one, other)
    return "what it is" not in found and "level" not in found and "client" not in found


def _are_of_one_subject(one: Stated, other: Stated) -> bool:
    return (
        isinstance(one, StatedConcern) and isinstance(other, StatedConcern) and "about" not in differences(one, other)
    )
