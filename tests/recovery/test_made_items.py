"""Maps over what only the input's model can tell: it is asked before anything is planned."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest

from stepsaga.engines.functions import FunctionError
from stepsaga.errors import StepFailedForGood
from stepsaga.graph import InputNode
from tests.language.sagas import AnySaga
from tests.language.test_lanes import each, saga, step
from tests.recovery.made import Made, Written
from tests.recovery.stopped import Stopped

if TYPE_CHECKING:
    from pydantic import BaseModel

SOON = timedelta(milliseconds=800)


def stopped(model: type[BaseModel], given: dict[str, Any], name: str = "") -> Stopped:
    """A step and a step for each line, stopped where the lines have been done and not recorded."""
    drawn = saga(step("s0"), each("m", step("s1")))
    reference = f"{model.__module__}:{name or model.__name__}"
    node = InputNode("order", model, model.model_json_schema(), reference)
    one = AnySaga(replace(drawn.graph, input=node), given, drawn.values)
    run = Stopped(one, {"m.s1": "crashes after"})
    run.stop(SOON)
    return run


@pytest.mark.parametrize(
    ("model", "given", "lines"), [(Made, {}, 2), (Written, {"lines": "1,2,3"}, 3)]
)
def test_what_the_model_makes_is_undone(
    model: type[BaseModel], given: dict[str, Any], lines: int
) -> None:
    """Nothing is recorded of any lane, and the sender has named none: all are undone."""
    run = stopped(model, given)
    assert len(run.world.standing) == 1 + lines
    assert run.undo()
    assert not run.world.standing
    checked = [e.data for c in run.commits for e in c.events if e.type == "InputChecked"]
    assert [len(one["input"]["lines"]) for one in checked] == [lines]


def test_a_model_that_is_gone_stops_the_undo() -> None:
    """Nobody knows what there is to undo: that is said, and nothing is called compensated."""
    run = stopped(Made, {})
    generation = run.begin()
    [one] = run.undoing.proceed(run.run, generation)["calls"]
    with pytest.raises(FunctionError):
        run.call({**one["call"], "model": "tests.recovery.made:Gone"})
    told = run.undoing.proceed(run.run, generation)
    assert [call["key"] for call in told["calls"]] == ["input"]
    with pytest.raises(StepFailedForGood, match="nobody knows what there is to undo"):
        run.undoing.proceed(run.run, generation, {"input": "StepFailed"})
    assert run.ends == 0
