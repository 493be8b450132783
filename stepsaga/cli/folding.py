"""Many items of a map, told in one line: what went well a hundred times need not be read as often.

What was refused, is stuck or in doubt, took another attempt or emitted events always has a line.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import replace
from typing import TYPE_CHECKING, Final

from stepsaga.cli.labels import any_item, folded
from stepsaga.cli.timeline import What
from stepsaga.cli.words import for_people

if TYPE_CHECKING:
    from collections.abc import Sequence

    from stepsaga.cli.timeline import Row

LONGEST: Final = 5
"""So many lines of one step are told one by one."""
QUIET: Final = frozenset({What.COMPLETED, What.UNDONE, What.NOTHING})


def fold(rows: Sequence[Row]) -> list[Row]:
    """Rows for eyes: those of one step in many items as one, where the last of them stood."""
    groups: defaultdict[tuple[str, What], list[int]] = defaultdict(list)
    for place, row in enumerate(rows):
        step = any_item(row.step)
        if step != row.step and row.what in QUIET and row.attempt == 1 and not row.emitted:
            groups[step, row.what].append(place)
    told: dict[int, Row | None] = dict(enumerate(rows))
    for places in groups.values():
        if len(places) > LONGEST:
            told |= dict.fromkeys(places)
            told[places[-1]] = _one([rows[place] for place in places])
    return [row for row in told.values() if row is not None]


def _one(rows: Sequence[Row]) -> Row:
    names = folded(row.step for row in rows)
    name = names[0] if len(names) == 1 else any_item(rows[0].step)
    since = for_people(rows[0].after.total_seconds())
    return replace(rows[-1], step=name, detail=f"{len(rows)} items, the first after {since}")
