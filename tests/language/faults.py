"""Every single thing that can go wrong in a saga; on the way back, behind what leads there."""

from __future__ import annotations

from itertools import product
from typing import TYPE_CHECKING, Final

from hypothesis import strategies as st

from stepsaga.asl.service_rules import ENDS
from stepsaga.graph import Role, steps_of
from tests.language.running import UNMENDED

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from stepsaga.engines.faults import Target
    from tests.language.sagas import AnySaga

    Wanted = Mapping[str, str | Sequence[str | None]]

LEADS_BACK: Final = ("rejected", "times out after")
"""Without an effect, and with one that nobody knows of."""


@st.composite
def faults(draw: st.DrawFn, saga: AnySaga) -> Wanted:
    """One thing that goes wrong, at once or later, once or more often."""
    leading = triggers(saga)
    targets = [one for one in saga.plan.targets if leading or not is_behind(one)]
    target = draw(st.sampled_from(targets))
    kinds = [draw(st.sampled_from(kinds_of(target)))] * draw(st.sampled_from([1, 2, UNMENDED]))
    if is_behind(target):
        trigger = draw(st.sampled_from(leading))
        return {trigger.name: draw(st.sampled_from(LEADS_BACK)), target.name: kinds}
    return {target.name: [*[None] * draw(st.integers(0, 2)), *kinds]}


def every_fault(saga: AnySaga) -> Iterator[tuple[Target, int, list[str | None]]]:
    """Everything that can go wrong: where, after how many calls that go well, and how often."""
    for target in saga.plan.targets:
        for first, times in product((0,) if is_behind(target) else (0, 1), (1, UNMENDED)):
            for kind in kinds_of(target):
                yield target, first, [*[None] * first, *[kind] * times]


def triggers(saga: AnySaga) -> list[Target]:
    """The Tasks whose failure leads back."""
    final = {one.name for one in steps_of(saga.graph.nodes) if one.role is Role.RETRIABLE}
    return [
        target
        for target in saga.plan.targets
        if target.handler and not is_behind(target) and target.state.rpartition(".")[2] not in final
    ]


def is_behind(target: Target) -> bool:
    """Whether a Task is reached only when another has failed."""
    first = ("undo ", "verify ", "settle ", "items of ", "adopt ")
    behind = target.state in ENDS or target.state.startswith(first)
    return behind or target.state.endswith(" unanswered")


def kinds_of(target: Target) -> list[str]:
    """What can go wrong in a Task, but a probe that lies."""
    left_out = set()
    if is_behind(target):
        left_out.add("lands late")  # what is late there is made before it is undone
    if target.state.startswith("verify "):
        left_out.add("rejected")
    return [kind for kind in target.kinds if kind not in left_out]
