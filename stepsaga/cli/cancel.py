"""``stepsaga cancel``: stop a saga that runs, and have it undone."""

from __future__ import annotations

from stepsaga.cli.operating import command

cancel = command(
    """Cancel a saga that runs: it is compensated, never just stopped.

    Past its point of no return it is not, and goes on; that is said, and exits with 1.
    """,
    lambda operator, one, why: operator.cancel(one.saga, one.id, why),
    "cancelled: it is being undone. `stepsaga wait {id}` waits",
)
