"""``make chaos``: hundreds of sagas at once while everything goes wrong; prints the ledger."""

from __future__ import annotations

import argparse
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from random import Random
from typing import TYPE_CHECKING, Final

from rich.table import Table
from rich.text import Text

from stepsaga.cli.deployed import story
from stepsaga.cli.output import complain, console
from stepsaga.cli.timeline_view import view
from stepsaga.engines.isolated import isolated
from stepsaga.engines.ministack.deployment import Deployment, tools
from stepsaga.engines.ministack.server import MiniStack
from stepsaga.errors import StepsagaError
from tools.chaos.place import Killer, Place
from tools.chaos.plan import Chances, draw
from tools.chaos.storm import Storm
from tools.chaos.verdict import Verdict, count, judge
from tools.demo import INTERRUPTED, Steps, or_dead
from tools.local import fill

if TYPE_CHECKING:
    from collections import Counter
    from collections.abc import Callable, Mapping, Sequence

    from rich.console import Console

    from tools.chaos.plan import Plan

ROOT: Final = Path(__file__).resolve().parents[2]
PATIENCE_SECONDS: Final = 900.0
QUIET_SECONDS: Final = 15.0
MOST_SHOWN: Final = 5
TOLD: Final = 50
"""So many sagas make a line of progress."""


@dataclass(frozen=True, slots=True)
class Report:
    """A run of chaos, when it is over.

    Attributes:
        verdict: What has come of it.
        storm: With which its sagas can be looked at.
        struck: Faults inside functions, by kind.
        killed: How many processes were killed.
        peak_mib: The most memory that MiniStack and its functions had together.
        seconds: How long the storm was, and how long it took until nothing moved.
    """

    verdict: Verdict
    storm: Storm
    struck: Counter[str]
    killed: int
    peak_mib: int
    seconds: tuple[float, float]


def main() -> int:
    """Run it; 1 where anything is other than it must be."""
    chosen, out = _parser().parse_args(), console()
    chances = Chances(chosen.fault, chosen.slow, chosen.broken, chosen.stop, chosen.cancel)
    plans = [draw(chosen.seed, number, chances) for number in range(chosen.sagas)]
    python, sam = tools(ROOT)
    say = Steps(out)
    out.print(Text(f"Chaos: {chosen.sagas} sagas, seed {chosen.seed}", style="bold underline"))
    try:
        say(f"MiniStack, with IAM enforced; waits times {chosen.wait_scale:g}")
        with (
            MiniStack(python, wait_scale=chosen.wait_scale) as server,
            isolated(server.settings()),
            or_dead(server),
        ):
            faults = server.folder / "faults.json"
            faults.write_text("{}", encoding="utf-8")
            deployment = Deployment(ROOT, server, python=python, sam=sam, say=say)
            place = Place(deployment.deploy(faults=faults), server.client, faults, server.pid)
            fill(server.client("dynamodb"), place.tables)
            report = run(
                place,
                plans,
                at_once=chosen.at_once,
                kill_every=chosen.kill,
                patience=chosen.patience,
                say=say,
            )
            say.done()
            show(out, report, plans)
            return 1 if _accuse(out, report, chosen.seed) else 0
    except StepsagaError as error:
        complain(str(error))
        return 1
    except KeyboardInterrupt:
        complain("interrupted; everything that was started has been ended")
        return INTERRUPTED


def run(  # noqa: PLR0913  # all but two are options by name
    place: Place,
    plans: Sequence[Plan],
    *,
    at_once: int,
    kill_every: float,
    patience: float = PATIENCE_SECONDS,
    say: Callable[[str], None] = lambda _: None,
) -> Report:
    """Play plans on a stack until nothing moves, and judge.

    Args:
        place: The stack.
        plans: What happens to each saga.
        at_once: How many sagas are watched side by side.
        kill_every: Seconds between two killed processes, on average; 0 kills none.
        patience: For how many seconds things may move after the storm.
        say: Is told what happens.
    """
    place.fill()
    place.go_wrong(plans)
    before, storm = count(place), Storm(place, plans, at_once)
    began = time.monotonic()
    say("the storm")
    with Killer(place, Random(len(plans)), kill_every) as killer:  # noqa: S311  # whom it meets
        storm.blow(lambda number: None if number % TOLD else say(f"{number} sagas are through"))
    blown = time.monotonic()
    say("until nothing moves: sweeps, undos, and what the operator has to do")
    with Killer(place, Random(0), 0) as scales:  # noqa: S311  # it meets nobody
        storm.settle(patience, QUIET_SECONDS)
    settled = time.monotonic()
    say("the ledger")
    verdict = judge(storm, place, plans, before)
    return Report(
        verdict,
        storm,
        place.struck(plans),
        killer.killed,
        max(killer.peak_kib, scales.peak_kib) // 1024,
        (blown - began, settled - blown),
    )


def show(out: Console, report: Report, plans: Sequence[Plan]) -> None:
    """Print the ledger."""
    verdict = report.verdict
    _table(
        out,
        "How they ended",
        {
            f"{saga}: {ending}": number
            for saga, endings in sorted(verdict.endings.items())
            for ending, number in endings.most_common()
        },
    )
    planned = sum(bool(plan.faults) for plan in plans)
    struck = {f"inside: {kind}": number for kind, number in report.struck.most_common()}
    done = dict(report.storm.done.most_common())
    _table(out, "What struck", struck | {"processes killed": report.killed} | done)
    out.print(f"{planned} of {len(plans)} sagas had faults inside planned for them")
    _balance(out, verdict)
    storm, settled = report.seconds
    out.print(
        f"storm {storm:.0f} s, then {settled:.0f} s until nothing moved; at most"
        f" {report.peak_mib} MiB"
    )


def _table(out: Console, title: str, rows: Mapping[str, int]) -> None:
    out.print()
    out.print(Text(title, style="bold underline"))
    table = Table(box=None, pad_edge=False, padding=(0, 3, 0, 0), show_header=False)
    table.add_column()
    table.add_column(justify="right")
    for name, number in rows.items():
        table.add_row(name, str(number))
    out.print(table)


def _balance(out: Console, verdict: Verdict) -> None:
    out.print()
    out.print(Text("Money and stock", style="bold underline"))
    table = Table(box=None, pad_edge=False, padding=(0, 3, 0, 0))
    for name in ("", "before", "after"):
        table.add_column(name, justify="right" if name else "left")
    before, after = verdict.before, verdict.after
    for owner, cents in before.money.items():
        table.add_row(owner, _money(cents), _money(after.money[owner]))
    table.add_row(
        "money in all", _money(sum(before.money.values())), _money(sum(after.money.values()))
    )
    for sku, pieces in before.stock.items():
        table.add_row(f"{sku} on the shelf", str(pieces), str(after.stock[sku]))
    out.print(table)


def _money(cents: int) -> str:
    return f"{cents // 100}.{cents % 100:02d}"


def _accuse(out: Console, report: Report, seed: int) -> int:
    """Tell what must not be, with the timelines; return how many there are."""
    found = report.verdict.violations
    if not found:
        out.print(Text("nothing is half done, and not a cent is missing", style="green"))
        return 0
    out.print(Text(f"{len(found)} violations; seed {seed}", style="bold red"))
    for one in found:
        out.print(Text(f"{one.plan.id if one.plan else 'all together'}: {one.text}", style="red"))
    plans = {one.plan.id: one.plan for one in found if one.plan}
    for plan in list(plans.values())[:MOST_SHOWN]:
        client = report.storm.client
        out.print()
        out.print(Text(str(plan)))
        out.print(view(story(client, client.status(plan.saga, plan.id))))
    return len(found)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m tools.chaos", description=__doc__)
    chances = Chances()
    parser.add_argument("--sagas", type=int, default=300, help="how many")
    parser.add_argument("--seed", type=int, default=1, help="draws the plan")
    parser.add_argument("--at-once", type=int, default=25, help="sagas side by side")
    parser.add_argument("--kill", type=float, default=2, help="seconds between two kills")
    parser.add_argument("--wait-scale", type=float, default=1, help="of waits and of retries")
    parser.add_argument("--patience", type=float, default=PATIENCE_SECONDS, help="after the storm")
    for name in ("fault", "slow", "broken", "stop", "cancel"):
        default = getattr(chances, name)
        parser.add_argument(f"--{name}", type=float, default=default, help="a chance, 0 to 1")
    return parser


if __name__ == "__main__":
    sys.exit(main())
