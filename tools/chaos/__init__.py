"""Many sagas at once on the deployed local stack, and everything that can go wrong at once.

`stepsaga.engines.ministack.local_faults` makes functions go wrong from inside, as `plan` draws it;
`storm` starts, stops, cancels and answers sagas and kills processes from outside; `settle` waits
until nothing moves, as an operator would; `verdict` counts. ``make chaos`` runs it.
"""

from __future__ import annotations
