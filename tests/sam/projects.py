"""Projects to generate from: the reference application, and small ones of a test's own."""

from __future__ import annotations

import shutil
import sys
from dataclasses import dataclass
from pathlib import Path
from textwrap import dedent
from typing import TYPE_CHECKING, Any

from sagas.customers import Onboard, OpenAccount
from sagas.orders import FulfilOrder
from sagas.transfers import TransferMoney
from sagas.trips import BookTrip, RentCar
from stepsaga.authoring import graph_of
from stepsaga.sam.application import Application, application_of
from stepsaga.sam.cfn import load
from stepsaga.sam.functions import LAYER_LOCK
from stepsaga.sam.template import render
from tests.asl.graphs import look, pivot, saga, step, tail

if TYPE_CHECKING:
    from collections.abc import Sequence

    from stepsaga.graph import SagaGraph

ROOT = Path(__file__).parents[2]
FULFIL_ORDER = graph_of(FulfilOrder)
PROJECT = (
    FULFIL_ORDER,
    *map(graph_of, (TransferMoney, RentCar, BookTrip, OpenAccount, Onboard)),
)
"""All sagas of this project."""
CHANGE_ADDRESS = saga(
    [
        step("find", handler="handlers.inventory:find", undo="handlers.inventory:forget"),
        look("peek", handler="handlers.shipping:peek"),
        pivot("move", handler="handlers.shipping:move", probe="handlers.payments:find_move"),
        tail("tell", handler="handlers.notifications:tell"),
    ],
    name="ChangeAddress",
)
"""A second saga with the same participants, payments among them for a probe only."""
ONLY_TAIL = saga([tail("tell", handler="handlers.notifications:tell")], name="Announce")
"""A saga that pins nothing."""
ONLY_LOOK = saga([look("peek", handler="handlers.payments:peek")], name="Report")
"""A saga that has nothing to compensate."""
SHAPES: dict[str, Sequence[SagaGraph]] = {
    "fulfil_order": [FULFIL_ORDER],
    "shared_participants": [FULFIL_ORDER, CHANGE_ADDRESS],
    "pins_nothing": [ONLY_TAIL],
    "compensates_nothing": [ONLY_LOOK],
    "all": [FULFIL_ORDER, CHANGE_ADDRESS, ONLY_TAIL, ONLY_LOOK],
}
TABLES = ("StockTable", "AccountsTable", "ParcelsTable", "OutboxTable")


def copy_of_reference(root: Path) -> Path:
    """The reference application's files in a folder of a test's own, with FulfilOrder alone."""
    others = shutil.ignore_patterns(
        *("__pycache__", "trips.py", "transfers.py", "customers.py"),
        *("book_trip.asl.json", "transfer_money.asl.json", "onboard.asl.json"),
    )
    for name in ("handlers", "sagas", "statemachines"):
        shutil.copytree(ROOT / name, root / name, ignore=others)
    (root / "requirements").mkdir()
    for name in (LAYER_LOCK, "template.yaml", "samconfig.toml"):
        shutil.copyfile(ROOT / name, root / name)
    template = root / "template.yaml"
    template.write_text(render(root, application_of(root, [FULFIL_ORDER])), encoding="utf-8")
    return root


def rendered(root: Path, graphs: Sequence[SagaGraph] = (FULFIL_ORDER,)) -> dict[str, Any]:
    """The content of a project's template, made anew for these sagas."""
    content: dict[str, Any] = load(render(root, application_of(root, graphs)))
    return content


@dataclass(frozen=True)
class Small:
    """A project with participants of one test, in a package that no other test has."""

    root: Path
    package: str

    def participant(self, name: str, source: str = "") -> str:
        """Write a module of handlers; its name."""
        self.write(f"{self.package}/{name}.py", source)
        return f"{self.package}.{name}"

    def write(self, path: str, source: str = "") -> Path:
        """Write a file of the project."""
        file = self.root / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(dedent(source), encoding="utf-8")
        return file

    def graph(self, *modules: str, name: str = "Trade") -> SagaGraph:
        """A saga with one step for each of these modules, undone there too."""
        steps = [
            step(f"step{number}", handler=f"{module}:do", undo=f"{module}:undo")
            for number, module in enumerate(modules)
        ]
        return saga(steps, name=name)

    def application(self, *modules: str, name: str = "Trade") -> Application:
        """What a saga with these modules deploys."""
        return application_of(self.root, [self.graph(*modules, name=name)])

    def render(self, *modules: str, name: str = "Trade") -> str:
        """The template for a saga with these modules."""
        return render(self.root, self.application(*modules, name=name))

    def asking(self, source: str, *, also: str = "") -> str:
        """The template where one participant is ``Participant(<source>)``."""
        text = f"from stepsaga import Participant\nparticipant = Participant({dedent(source)})\n"
        return self.render(self.participant("till", also + text))

    def forget(self) -> None:
        """Let nothing of it stay loaded."""
        for name in [name for name in sys.modules if name.partition(".")[0] == self.package]:
            del sys.modules[name]
