"""What compiler, runtime, store and template must agree on, numbers mostly. Imports nothing."""

from __future__ import annotations

from typing import Final

DISPATCH_SECONDS: Final = 15
"""Added to a step's time for the state's ``TimeoutSeconds``: dispatch and cold start (rule 23)."""

DOCUMENT_BYTES: Final = 160 * 1024
"""Input and results together, as compact UTF-8 JSON, may not grow beyond this (rule 22)."""

SHARE: Final = 16
"""A result that takes more than one part in so many of what the document can still hold goes to the
bucket, where there is one; one part in more where more results are to come (rule 22)."""

OBJECT_PREFIX: Final = "stepsaga/"
"""Where in the bucket the objects are. Their keys come from their content."""

POINTER_BYTES: Final = 200
"""What stands for a result in the bucket is never larger: bucket names have 63 characters or less.
https://docs.aws.amazon.com/AmazonS3/latest/userguide/bucketnamingrules.html"""

ENTRY_BYTES: Final = 180
"""Around a result in the document: its step's name, and what a lane reports besides."""

ERROR_TEXT_BYTES: Final = 4 * 1024
"""Error texts are cut here, so that failures fit every document (rule 22)."""

FIRST_INDEX: Final = 1_000_000
"""The index of a fork's first branch or item: seven digits, so that lanes sort (design 5)."""

FIRST_OPERATION_SLOT: Final = 90_000
"""Slots from here to 99,998 belong to operations; steps and compensations stay below (rule 8)."""

LAST_GENERATION: Final = 4_999
"""How many undos from the log one run can have: each has a slot for its beginning, and its end."""

FIRST_END_SLOT: Final = 95_000
"""The end of an undo from the log is recorded at this slot plus its generation."""

TERMINAL_SLOT: Final = 99_999
"""The slot of a failed saga's end record (rule 8)."""

START_SECONDS: Final = 5
"""Added to the longest step's time for the function's own timeout: the runtime's timer ends a call,
and Lambda's stands behind it, still below the state's ``TimeoutSeconds`` (rule 23)."""

ITEM_BASE_BYTES: Final = 64 * 1024
"""Input and results together where the items of a distributed map begin: each of these executions
holds them, and sends them twice, beside its own results."""

ITEM_BYTES: Final = 16 * 1024
"""What an item of a distributed map may have as JSON."""

MOST_ITEMS: Final = 1_000_000
"""Of a distributed map: an index has seven digits, and all items are read within five minutes."""

SHARDS: Final = 16
"""Streams of a distributed map: so many partitions share the writes of its items."""

PARENTS: Final = "parent"
"""What streams begin with that say whose children sagas are; no saga can be called so."""

EVENTS: Final = "event"
"""What streams begin with that keep business events, and say who waits for them; as above."""
