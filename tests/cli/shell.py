"""The command line in a process of its own, as a shell runs it."""

from __future__ import annotations

import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

ROOT = Path(__file__).parents[2]
TIME_LIMIT = 120


@dataclass(frozen=True)
class Said:
    """What a command answered."""

    code: int
    out: str
    err: str


def stepsaga(
    *arguments: str,
    cwd: Path = ROOT,
    stdin: str = "",
    env: Mapping[str, str] | None = None,
) -> Said:
    """Run ``stepsaga``, as `python` does."""
    return python("-m", "stepsaga.cli", *arguments, cwd=cwd, stdin=stdin, env=env)


def python(
    *arguments: str,
    cwd: Path = ROOT,
    stdin: str = "",
    env: Mapping[str, str] | None = None,
) -> Said:
    """Run Python with pipes for a terminal, and nothing of AWS in its environment."""
    plain = {k: v for k, v in os.environ.items() if not k.startswith("AWS_") and k != "COLUMNS"}
    done = subprocess.run(  # noqa: S603  # our own command
        [sys.executable, *arguments],
        cwd=cwd,
        env={**plain, "AWS_EC2_METADATA_DISABLED": "true", **(env or {})},
        input=stdin,
        capture_output=True,
        text=True,
        check=False,
        timeout=TIME_LIMIT,
    )
    return Said(done.returncode, done.stdout, done.stderr)
