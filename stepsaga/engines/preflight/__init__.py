"""What would fail if it were deployed now: of the project's files, and of the account.

One function a check, each with what it found: `stepsaga.engines.preflight.project` asks nobody,
`stepsaga.engines.preflight.account` asks AWS, and reads only.
"""

from __future__ import annotations
