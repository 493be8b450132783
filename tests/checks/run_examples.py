"""Imports every module of a folder and writes, as JSON, the codes that each gave.

A program of its own, so that the examples' modules do not meet those of the tests.
"""

from __future__ import annotations

import importlib
import json
import sys
from pathlib import Path

from stepsaga import DefinitionError


def main(folder: str) -> None:
    """Import what begins with ``example_``."""
    found: dict[str, list[str]] = {}
    for path in sorted(Path(folder).glob("example_*.py")):
        try:
            importlib.import_module(path.stem)
        except DefinitionError as error:
            found[path.stem] = [problem.code for problem in error.problems]
        else:
            found[path.stem] = []
    json.dump(found, sys.stdout)


if __name__ == "__main__":
    main(sys.argv[1])
