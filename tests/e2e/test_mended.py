"""A compensation that is broken in one release and mended by the next."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from stepsaga.client import Client
from stepsaga.engines.endings import Ending
from stepsaga.engines.isolated import isolated
from stepsaga.engines.ministack.deployment import tools
from stepsaga.engines.ministack.server import MiniStack
from tests.e2e.projects import STACK, Project, until
from tests.e2e.targets import ROOT

if TYPE_CHECKING:
    from collections.abc import Iterator

BROKEN = '''\
"""A participant whose compensation has a fault."""

from pydantic import BaseModel

from stepsaga import Event, Rejected, SagaContext


class Trial(BaseModel):
    text: str


class Done(BaseModel):
    text: str


class Undone(Event):
    text: str


def go(trial: Trial) -> Done:
    return Done(text=trial.text)


def go_back(go: Done | None, saga: SagaContext) -> None:
    raise RuntimeError("a typing error")


def refuse(trial: Trial) -> Done:
    raise Rejected("on purpose")
'''
MENDED = BROKEN.replace(
    'raise RuntimeError("a typing error")', 'saga.emit(Undone(text=go.text if go else ""))'
)
SAGAS = '''\
"""A step that is done, and one that is refused."""

from handlers import trials
from stepsaga import Input, Saga, Step


class TryIt(Saga):
    trial = Input(trials.Trial)

    go = Step(trials.go, compensation=trials.go_back)
    refuse = Step(trials.refuse, read_only=True)
'''


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Project]:
    """A project with a broken compensation, deployed; pauses are skipped."""
    root = tmp_path_factory.mktemp("mended") / "project"
    files = {"handlers/trials.py": BROKEN, "sagas/trials.py": SAGAS}
    with (
        MiniStack(tools(ROOT)[0], wait_scale=0) as server,
        isolated(server.settings()),
    ):
        found = Project.made(root, server, files)
        found.release(1)
        yield found


def events(client: Client, saga_id: str) -> dict[str, Any]:
    """The saga's events, by type."""
    commits = client.store.read(f"TryIt#{saga_id}")
    return {event.type: event.data for commit in commits for event in commit.events}


def test_what_a_broken_compensation_left_stuck_goes_on_after_the_next_deployment(
    project: Project,
) -> None:
    """Rule 12: stuck, told so with the next command; mended, deployed; then undone, once.

    Here no execution can be redriven (rule 33): the undo from the log takes its place, as it does
    after 14 days.
    """
    client = Client.of_stack(STACK)
    client.engine.start("TryIt", {"text": "hello"}, name="one")
    until(lambda: "SagaStuck" in events(client, "one"))
    assert client.status("TryIt", "one").ending is Ending.STUCK
    stuck = project.run("stuck", "--stack", STACK, code=1)
    assert "go" in stuck
    assert "stepsaga redrive TryIt#one" in " ".join(stuck.split())

    (project.root / "handlers/trials.py").write_text(MENDED)
    project.release(1)
    assert client.status("TryIt", "one").ending is Ending.STUCK, "nothing happens by itself"
    project.run("undo", "TryIt#one", "--why", "mended", "--stack", STACK)
    until(lambda: client.status("TryIt", "one").ending is Ending.COMPENSATED)
    told = events(client, "one")
    assert told["Undone"] == {"text": "hello"}
    assert told["StepCompensated"]["found"] == "result"
    assert "TryIt" not in project.run("stuck", "--stack", STACK)
