"""``stepsaga undo``: undo a saga from its log."""

from __future__ import annotations

from stepsaga.cli.operating import command

undo = command(
    """Undo a saga from its log: one that has failed, and also one that is completed.

    Its release may be long gone: the graph is kept beside the events. Past its point of no return
    nothing is undone; that is said, and exits with 1.
    """,
    lambda operator, one, why: operator.undo(one.saga, one.id, why),
    "is being undone from its log. `stepsaga show {id}` tells",
)
