"""The reference saga, shown by `make demo`: deployed, three orders, three endings, no cent lost."""

from __future__ import annotations

import json
import sys
import time
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from textwrap import fill
from typing import TYPE_CHECKING, Final

from rich.table import Table
from rich.text import Text

from sagas.orders import FulfilOrder
from stepsaga.cli.deployed import story
from stepsaga.cli.output import complain, console
from stepsaga.cli.timeline_view import view
from stepsaga.client import Client
from stepsaga.engines.endings import Ending
from stepsaga.engines.isolated import isolated
from stepsaga.engines.ministack.deployment import Deployment, tools
from stepsaga.engines.ministack.server import MiniStack
from stepsaga.errors import StepsagaError
from tools.local import Tables, ledger
from tools.local import fill as fill_tables

if TYPE_CHECKING:
    from collections.abc import Iterator

    from rich.console import Console

    from stepsaga.engines.ministack.deployment import Deployed
    from tools.local import Ledger

ROOT: Final = Path(__file__).resolve().parents[1]
INTERRUPTED: Final = 130


@dataclass(frozen=True, slots=True)
class Scene:
    """An order, what goes wrong with it, and what must come of it."""

    file: str
    story: str
    ending: Ending
    faults: dict[str, str]


SCENES: Final = (
    Scene(
        "completes",
        "An order for which everything goes well.",
        Ending.COMPLETED,
        {},
    ),
    Scene(
        "card_declined",
        "The bank says no. Nothing was charged, that is certain, so only `reserve` is undone.",
        Ending.COMPENSATED,
        {},
    ),
    Scene(
        "charge_times_out",
        "The money moves, and then the function's process dies, five times. Nobody knows that the"
        " money has moved; it must come back all the same.",
        Ending.COMPENSATED,
        {"charge": "crashes after"},
    ),
)


def main() -> int:
    """Show it; 1 where something did not come out as told."""
    out, (python, sam) = console(), tools(ROOT)
    say = Steps(out)
    _title(out, "FulfilOrder, deployed on this machine: sam build, sam deploy, three orders")
    try:
        say("MiniStack, with IAM enforced")
        # Waits and the pauses of retries are skipped: nobody wants to watch them.
        with MiniStack(python, wait_scale=0) as server, isolated(server.settings()):
            faults = server.folder / "faults.json"
            faults.write_text(json.dumps({scene.file: scene.faults for scene in SCENES}))
            deployment = Deployment(ROOT, server, python=python, sam=sam, say=say)
            with or_dead(server):
                deployed = deployment.deploy(faults=faults)
                say.done()
                return _orders(out, server, deployed)
    except StepsagaError as error:
        complain(str(error))
        return 1
    except KeyboardInterrupt:
        complain("interrupted; everything that was started has been ended")
        return INTERRUPTED


@contextmanager
def or_dead(server: MiniStack) -> Iterator[None]:
    """Tell what fails because MiniStack has ended as that, and not as a riddle of the network's."""
    try:
        yield
    except Exception:
        server.check()
        raise


class Steps:
    """Says what is being done, and how long it took; on a terminal while it lasts."""

    def __init__(self, out: Console) -> None:
        self._out = out
        self._text = ""
        self._since = 0.0

    def __call__(self, text: str) -> None:
        """The next step begins."""
        self.done()
        self._text, self._since = text, time.monotonic()
        if self._out.is_terminal:
            self._out.print(Text(f"  ...   {text}", style="dim"), end="\r")

    def done(self) -> None:
        """The step is done."""
        if self._text:
            seconds = time.monotonic() - self._since
            self._out.print(f"{seconds:5.1f} s  {self._text}")
            self._text = ""


def _orders(out: Console, server: MiniStack, deployed: Deployed) -> int:
    dynamodb = server.client("dynamodb")
    names = ("StockTable", "AccountsTable", "ParcelsTable", "OutboxTable")
    tables = Tables(*(deployed.resources[name] for name in names))
    fill_tables(dynamodb, tables)
    _introduce(out, deployed)
    client = Client.of_stack(deployed.stack)
    before = ledger(dynamodb, tables)
    good = [_play(out, number, scene, client) for number, scene in enumerate(SCENES, 1)]
    conserved = _count(out, before, ledger(dynamodb, tables))
    return 0 if all(good) and conserved else 1


def _introduce(out: Console, deployed: Deployed) -> None:
    functions = [name for name in deployed.resources if f"{name}Aliaslive" in deployed.resources]
    lines = {
        "stack": f"{deployed.stack}, {len(deployed.resources)} resources",
        "functions": ", ".join(sorted(functions)),
        "state machine": deployed.outputs["FulfilOrderMachine"],
        "event table": deployed.outputs["EventTable"],
    }
    out.print()
    for name, text in lines.items():
        wrapped = fill(f"{name:<15}{text}", 100, subsequent_indent=" " * 15, break_long_words=False)
        out.print(wrapped, soft_wrap=True)


def _play(out: Console, number: int, scene: Scene, client: Client) -> bool:
    file = f"examples/{scene.file}.json"
    _title(out, f"{number}. {file}")
    out.print(Text(scene.story))
    command = f"$ stepsaga start FulfilOrder --input {file} --id {scene.file} --wait"
    out.print(Text(command, style="dim"), soft_wrap=True)
    out.print()
    order = json.loads((ROOT / file).read_text(encoding="utf-8"))
    with _watched(out, f"{scene.file} is running"):
        FulfilOrder.start(order, id=scene.file, client=client)
        status = client.wait(FulfilOrder.__name__, scene.file, started=True)
    timeline = story(client, status)
    out.print(view(timeline))
    if timeline.ending is scene.ending:
        return True
    out.print(Text(f"this should have ended as {scene.ending.value}", style="bold red"))
    return False


@contextmanager
def _watched(out: Console, text: str) -> Iterator[None]:
    if not out.is_terminal:
        yield
        return
    with out.status(text):
        yield


def _count(out: Console, before: Ledger, after: Ledger) -> bool:
    _title(out, "What is left: nothing was lost, nothing was made")
    table = Table(box=None, pad_edge=False, padding=(0, 3, 0, 0))
    table.add_column("")
    for name in ("before", "after", ""):
        table.add_column(name, justify="right" if name else "left")
    for card, cents in before.cards.items():
        _line(table, f"card {card}", _money(cents), _money(after.cards[card]))
    _line(table, "merchant", _money(before.merchant), _money(after.merchant))
    _line(table, "gone out and come back", _money(before.refunded), _money(after.refunded))
    money = before.money == after.money
    table.add_row("money in all", _money(before.money), _money(after.money), _verdict(money))
    for sku, pieces in before.stock.items():
        _line(table, f"{sku} on the shelf", str(pieces), str(after.stock[sku]))
        _line(table, f"{sku} sent", "0", str(after.shipped.get(sku, 0)))
    stock = before.articles == after.articles and dict(after.held) == dict(after.shipped)
    table.add_row("articles in all", _sum(before), _sum(after), _verdict(stock))
    out.print(table)
    return money and stock


def _line(table: Table, name: str, before: str, after: str) -> None:
    table.add_row(name, before, after, "" if before == after else Text("changed", style="cyan"))


def _verdict(good: bool) -> Text:
    return Text("conserved", style="bold green") if good else Text("WRONG", style="bold red")


def _sum(ledger: Ledger) -> str:
    return str(sum(ledger.articles.values()))


def _money(cents: int) -> str:
    return f"{cents // 100}.{cents % 100:02d}"


def _title(out: Console, text: str) -> None:
    out.print()
    out.print(Text(text, style="bold underline"))


if __name__ == "__main__":
    sys.exit(main())
