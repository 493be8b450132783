"""For every test: properties are tried on the same examples in each run.

A build must not be red by chance on one machine and green on the next. To look for new examples,
run with ``HYPOTHESIS_PROFILE=search``; what that finds becomes an example in the test.
"""

from __future__ import annotations

import os

from hypothesis import settings

settings.register_profile("repeatable", derandomize=True)
settings.register_profile("search", derandomize=False)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "repeatable"))
