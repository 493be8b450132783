"""What `run` and `show` tell of a saga and its children."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from tests.cli.shell import ROOT, stepsaga

if TYPE_CHECKING:
    from pathlib import Path


def test_a_saga_names_its_children_and_a_child_its_parent(tmp_path: Path) -> None:
    """A run keeps what its children did: each can be shown, and says whose child it is."""
    for part in ("sagas", "handlers", "tools", "examples"):
        (tmp_path / part).symlink_to(ROOT / part)
    example = ("--input", "examples/no_deposit.json", "--id", "poor")
    ran = stepsaga("run", "BookTrip", *example, "--json", cwd=tmp_path)
    assert ran.code == 3, ran.err
    [child] = json.loads(ran.out)["started_sagas"]
    assert child["ending"] == "compensated"
    assert child["child"].startswith("RentCar#poor-car-")
    shown = stepsaga("show", child["child"], "--json", cwd=tmp_path)
    told = json.loads(shown.out)
    assert (told["ending"], told["parent"]) == ("compensated", "BookTrip#poor")
    again = stepsaga("show", "BookTrip#poor", cwd=tmp_path)
    assert f"its child: compensated; `stepsaga show {child['child']}`" in " ".join(
        again.out.split()
    )
