"""An engine with everything around it, on which cases are run."""

from __future__ import annotations

from dataclasses import dataclass, field
from operator import attrgetter
from typing import TYPE_CHECKING

from tests.contract.engines.observe import Run, observe

if TYPE_CHECKING:
    from collections.abc import Callable

    from stepsaga.engines.protocol import Engine
    from stepsaga.store.protocol import EventStore
    from tests.contract.engines.cases import Case
    from tests.contract.engines.scripts import Company


@dataclass
class Stage:
    """An engine, what its Tasks call, where its records go, and how it is given cases.

    Attributes:
        owner: In the machines' names: several stages may stand on one server.
    """

    engine: Engine
    company: Company
    store: EventStore
    given: Callable[[Case], str] = attrgetter("definition")
    owner: str = "machine"
    seen: dict[str, Run] = field(default_factory=dict)
    machines: dict[str, str] = field(default_factory=dict)

    def machine(self, definition: str) -> str:
        """A machine of this definition."""
        if definition not in self.machines:
            self.machines[definition] = f"{self.owner}-{len(self.machines)}"
            self.engine.create(self.machines[definition], definition)
        return self.machines[definition]

    def run(self, case: Case) -> Run:
        """Run a case, once; the second time tell what was seen."""
        if case.name not in self.seen:
            self.company.play(case.script)
            machine = self.machine(self.given(case))
            arn = self.engine.start(machine, case.input, name=case.name)
            view = self.engine.wait(arn)
            self.seen[case.name] = observe(self.engine, view, self.company.invocations, self.store)
        return self.seen[case.name]
