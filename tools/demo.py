"""The reference saga, shown by `make demo`: three orders, three endings, not a cent lost."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from rich.table import Table
from rich.text import Text

from stepsaga.asl.release import Compiled, build
from stepsaga.authoring import graph_of
from stepsaga.cli.local import EVENT_TABLE, prepare
from stepsaga.cli.output import console
from stepsaga.cli.run import read_input, told
from stepsaga.cli.timeline import Ending
from stepsaga.cli.timeline_view import view
from stepsaga.engines.once import run_once
from stepsaga.store.dynamodb import DynamoDBStore
from stepsaga.testing.stack import local_stack

if TYPE_CHECKING:
    from rich.console import Console

    from stepsaga.store.protocol import EventStore
    from tools.local import Ledger


ROOT: Final = Path(__file__).resolve().parents[1]


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
        "The money moves, and then the function hangs, five times. Nobody knows that the money has"
        " moved; it must come back all the same.",
        Ending.COMPENSATED,
        {"charge": "times out after"},
    ),
)


def main() -> int:
    """Show it; 1 where something did not come out as told."""
    out = console()
    with local_stack() as stack:
        # Imported here, where boto3 can find nothing but the local stack.
        from sagas.orders import FulfilOrder  # noqa: PLC0415
        from tools.local import ledger  # noqa: PLC0415

        compiled = build(graph_of(FulfilOrder))
        _introduce(out, compiled)
        client: Any = prepare(stack, ROOT)
        store = DynamoDBStore(client=client, table=EVENT_TABLE)
        before = ledger(client)
        good = [
            _play(out, number, scene, compiled, store) for number, scene in enumerate(SCENES, 1)
        ]
        after = ledger(client)
    conserved = _count(out, before, after)
    return 0 if all(good) and conserved else 1


def _introduce(out: Console, compiled: Compiled) -> None:
    steps = " -> ".join(node["name"] for node in compiled.graph["nodes"])
    states = len(compiled.definition["States"])
    _title(out, "FulfilOrder: take an order from basket to doorstep, or leave no trace of it")
    out.print(f"sagas/orders.py       {steps}; checked, no problems")
    out.print(
        f"compiled              {states} states, {len(compiled.text):,} characters of Amazon States"
        " Language"
    )
    file = ROOT / "statemachines" / "fulfil_order.asl.json"
    same = file.exists() and file.read_text(encoding="utf-8") == compiled.text
    out.print(f"statemachines/        fulfil_order.asl.json is {'up to date' if same else 'STALE'}")
    out.print("now run on the simulator in virtual time, with the real handlers and their tables")


def _play(out: Console, number: int, scene: Scene, compiled: Compiled, store: EventStore) -> bool:
    _title(out, f"{number}. examples/{scene.file}.json")
    out.print(Text(scene.story))
    faults = "".join(f' --fail "{state}={kind}"' for state, kind in scene.faults.items())
    command = f"$ stepsaga run FulfilOrder --input examples/{scene.file}.json{faults}"
    out.print(Text(command, style="dim"), soft_wrap=True)
    out.print()
    done = run_once(
        compiled,
        read_input(str(ROOT / "examples" / f"{scene.file}.json")),
        saga_id=scene.file.replace("_", "-"),
        store=store,
        started=datetime.now(UTC),
        faults=scene.faults,
    )
    timeline = told(done, compiled)
    out.print(view(timeline, done.cost))
    if timeline.ending is scene.ending:
        return True
    out.print(Text(f"this should have ended as {scene.ending.value}", style="bold red"))
    return False


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
