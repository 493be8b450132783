"""The seams into moto: what they let through, and that nothing of them is left behind."""

from __future__ import annotations

import os
from contextlib import suppress
from typing import Any

import pytest
from moto.awslambda_simple.models import LambdaSimpleBackend
from moto.core.config import default_user_config
from moto.stepfunctions.parser.asl.component.common.retry import retrier_decl
from moto.stepfunctions.parser.asl.component.program.program import Program
from moto.stepfunctions.parser.asl.parse.asl_parser import AmazonStateLanguageParser

from stepsaga.errors import EngineError
from stepsaga.store.memory import MemoryStore
from tests.contract.engines.cases import machine, retry, task
from tests.contract.engines.moto_engine import MotoEngine
from tests.contract.engines.scripts import Company, Fails, Hangs


def _patchable() -> list[Any]:
    return [
        LambdaSimpleBackend.invoke,
        Program.eval,
        vars(retrier_decl)["time"],
        AmazonStateLanguageParser.parse,
        {key: dict(value) for key, value in default_user_config.items()},  # type: ignore[call-overload]  # moto has no types
        os.environ.get("MOTO_PORT"),
    ]


def test_nothing_is_left_behind() -> None:
    """What an engine replaces in moto is back when it is closed, after an error too."""
    before = _patchable()
    with suppress(KeyError), MotoEngine(Company(MemoryStore())):
        assert all(now != then for now, then in zip(_patchable(), before, strict=True))
        raise KeyError
    assert _patchable() == before


def test_engines_do_not_share_machines() -> None:
    """A machine of an engine that is closed is not there in the next one of the process."""
    for result in ("first", "second"):
        with MotoEngine(Company(MemoryStore())) as engine:
            with pytest.raises(EngineError, match="StateMachineDoesNotExist"):
                engine.start("shared", None, name="early")
            state = {"Type": "Pass", "Result": result, "End": True}
            engine.create("shared", machine({"A": state}))
            assert engine.wait(engine.start("shared", None, name="x")).output == result


def test_waiting_takes_no_time(moto: Any) -> None:
    """Years of pauses, waits and silence use up the execution's time, not ours."""
    moto.company.play({"A": [Fails("Odd")] * 3 + [Hangs()]})
    year = 365 * 24 * 3600
    first = task(
        Retry=[retry("Odd", IntervalSeconds=year)],
        Catch=[{"ErrorEquals": ["States.Timeout"], "Next": "B"}],
        TimeoutSeconds=year,
    )
    states = {"A": first, "B": {"Type": "Wait", "Seconds": year, "End": True}}
    arn = moto.engine.start(moto.machine(machine(states)), None, name="years")
    assert moto.engine.wait(arn).status == "SUCCEEDED"


def test_a_redrive_is_refused_by_name(moto: Any) -> None:
    """What moto has not is refused with a reason."""
    with pytest.raises(EngineError, match="RedriveExecution"):
        moto.engine.redrive("arn:any")
