"""``make events``: a thousand sagas wait, and all their events come at once; prints a table."""

from __future__ import annotations

import argparse
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Final

from rich.table import Table
from rich.text import Text

from stepsaga.cli.output import complain, console
from stepsaga.engines.isolated import isolated
from stepsaga.engines.ministack.deployment import tools
from stepsaga.engines.ministack.server import MiniStack
from stepsaga.errors import StepsagaError
from tools.demo import INTERRUPTED, Steps, or_dead
from tools.events.place import ROOT, Place, write_project
from tools.events.storm import blow

if TYPE_CHECKING:
    from rich.console import Console

    from tools.events.storm import Report

MOST_SHOWN: Final = 5


def main() -> int:
    """Run it; 1 where anything is other than it must be."""
    chosen, out = _parser().parse_args(), console()
    python, _ = tools(ROOT)
    say = Steps(out)
    title = f"{chosen.sagas} events for {chosen.sagas} sagas that wait"
    out.print(Text(title, style="bold underline"))
    try:
        with tempfile.TemporaryDirectory() as folder:
            say("a project is written and compiled")
            root = Path(folder) / "project"
            write_project(root)
            say("MiniStack, with IAM enforced; the project is deployed")
            with (
                MiniStack(python, wait_scale=0) as server,
                isolated(server.settings()),
                or_dead(server),
            ):
                place = Place.of(root, server)
                report = blow(
                    place,
                    chosen.sagas,
                    mark="order",
                    dies=chosen.dies,
                    patience=chosen.patience,
                    say=say,
                )
            say.done()
            _show(out, report)
            return 0 if report.taken == report.sagas and not report.letters else 1
    except StepsagaError as error:
        complain(str(error))
        return 1
    except KeyboardInterrupt:
        complain("interrupted; everything that was started has been ended")
        return INTERRUPTED


def _show(out: Console, report: Report) -> None:
    rows = {
        "sagas that waited": str(report.sagas),
        **{f"ended {how}": str(number) for how, number in report.resumed.most_common()},
        "resumed exactly once, by their own event": str(report.taken),
        "deaths of the router": str(report.deaths),
        "dead letters": str(report.letters),
        "until all waited": f"{report.waited:.0f} s",
        "until all had ended": f"{report.brought:.0f} s",
        "events a second": f"{report.sagas / report.brought:.0f}",
    }
    table = Table(box=None, pad_edge=False, padding=(0, 3, 0, 0), show_header=False)
    table.add_column()
    table.add_column(justify="right")
    for name, value in rows.items():
        table.add_row(name, value)
    out.print(table)
    for text in report.wrong[:MOST_SHOWN]:
        complain(text)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m tools.events", description=__doc__)
    parser.add_argument("--sagas", type=int, default=1000)
    parser.add_argument(
        "--dies",
        type=float,
        default=0.002,
        help="the chance of each thing that the router does to be its last",
    )
    parser.add_argument("--patience", type=float, default=900, help="seconds")
    return parser


if __name__ == "__main__":
    sys.exit(main())
