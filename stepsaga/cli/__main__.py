"""``python -m stepsaga.cli``."""

from __future__ import annotations

from stepsaga.cli import main

main()
