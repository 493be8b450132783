"""What a module of handlers needs besides code."""

from __future__ import annotations

import sys
from concurrent.futures import ThreadPoolExecutor
from dataclasses import FrozenInstanceError
from threading import Barrier
from types import ModuleType
from typing import TYPE_CHECKING, Any

import pytest

from stepsaga.errors import Rejected, StepFailed, StepFailedForGood
from stepsaga.runtime import Participant, Runtime
from stepsaga.store import MemoryStore
from tests.runtime.calls import NOW, Shop, call

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator


@pytest.fixture
def module() -> Iterator[ModuleType]:
    """A loaded module of handlers, under a name of its own."""
    made = ModuleType("tests.runtime.made_up_participant")
    sys.modules[made.__name__] = made
    yield made
    del sys.modules[made.__name__]


def run(module: ModuleType, handler: Callable[..., Any], **options: Any) -> Any:
    """The value of one call of a handler of the module."""
    runtime = Runtime(
        participant=module.__name__,
        store=MemoryStore(),
        now=lambda: NOW,
        resolve=lambda _: handler,
        **options,
    )
    return runtime.handle(call(handler=f"{module.__name__}:f"))["value"]


def test_a_resource_is_built_once_and_only_when_asked_for(module: ModuleType) -> None:
    """Factories run at the first call that names them, once in a process."""
    built: list[str] = []

    def factory(name: str) -> Callable[[], str]:
        def build() -> str:
            built.append(name)
            return f"the {name}"

        return build

    module.participant = Participant(  # type: ignore[attr-defined]  # as authors write it
        resources={"table": factory("table"), "client": factory("client")}
    )
    assert run(module, lambda: "no resources") == "no resources"
    assert built == []
    for _ in range(3):
        assert run(module, lambda table: table) == "the table"
    assert built == ["table"]


def test_an_override_replaces_a_factory(module: ModuleType) -> None:
    """What a test passes is given, and the factory is not called."""

    def never() -> None:
        raise AssertionError("the factory was called")

    module.participant = Participant(resources={"table": never})  # type: ignore[attr-defined]  # as above
    assert run(module, lambda table: table, resources={"table": "mine"}) == "mine"


def test_a_resource_is_built_once_between_threads() -> None:
    """Threads that ask at once get one object."""
    barrier, built = Barrier(8), []

    def build() -> object:
        sum(range(1_000_000))  # long enough for the others to come in between
        built.append(object())
        return built[-1]

    participant = Participant(resources={"table": build})

    def ask(_: int) -> int:
        barrier.wait()
        return id(participant.resource("table"))

    with ThreadPoolExecutor(8) as threads:
        assert len(set(threads.map(ask, range(8)))) == 1
    assert len(built) == 1


def test_a_resource_may_use_another() -> None:
    """A factory may ask for the participant's other resources."""
    participant = Participant(
        resources={"client": lambda: "c", "table": lambda: f"t of {participant.resource('client')}"}
    )
    assert participant.resource("table") == "t of c"


@pytest.mark.parametrize(
    ("lists", "name"), [({}, StepFailed), ({"never": ["builtins:OSError"]}, StepFailedForGood)]
)
def test_a_resource_that_cannot_be_built_is_a_failure(
    module: ModuleType, lists: dict[str, Any], name: type[Exception]
) -> None:
    """A factory that fails is retried as the step is: the next call builds it."""
    errors: list[Exception] = [ConnectionError("no secret manager")]

    def build() -> str:
        if errors:
            raise errors.pop()
        return "built"

    module.participant = Participant(resources={"table": build})  # type: ignore[attr-defined]  # as above
    store = MemoryStore()
    runtime = Runtime(
        participant=module.__name__,
        store=store,
        now=lambda: NOW,
        resolve=lambda _: lambda table: table,
    )
    payload = call(handler=f"{module.__name__}:f", **lists)
    words = (
        r"charge: the resource 'table' of .* cannot be built: ConnectionError: no secret manager"
    )
    with pytest.raises(name, match=words):
        runtime.handle(payload)
    assert runtime.handle(payload) == {"value": "built"}


@pytest.mark.parametrize("value", ["not one", {"resources": {}}, None])
def test_a_module_without_a_participant_has_no_resources(module: ModuleType, value: Any) -> None:
    """Something else called ``participant`` is not mistaken for one."""
    module.participant = value  # type: ignore[attr-defined]  # as above
    with pytest.raises(Rejected, match="nothing fills 'table'"):
        run(module, lambda table: table)


def test_a_participant_without_a_module_has_no_resources() -> None:
    """A module that is not loaded, as in a test that resolves handlers itself, has no resources."""
    with pytest.raises(Rejected, match="nothing fills 'table'"):
        Shop(lambda table: table).handle(call())


def test_participants_are_frozen_copies() -> None:
    """What was given is copied, and cannot be changed through the participant."""
    resources: dict[str, Any] = {"table": object}
    participant = Participant(resources=resources, policies=[{"Effect": "Allow"}])
    resources["other"] = object
    assert list(participant.resources) == ["table"]
    assert participant.policies == ({"Effect": "Allow"},)
    with pytest.raises(TypeError):
        participant.resources["x"] = object  # type: ignore[index]  # the mistake in question
    with pytest.raises(FrozenInstanceError):
        participant.memory = 1  # type: ignore[misc]  # the mistake in question


def test_defaults_are_small() -> None:
    """A participant that says nothing has the smallest function that is still quick."""
    participant = Participant()
    assert (participant.memory, dict(participant.environment), participant.policies) == (
        256,
        {},
        (),
    )


@pytest.mark.parametrize(
    ("options", "error", "text"),
    [
        ({"resources": {"table": "orders"}}, TypeError, "'table' is str; give a function"),
        ({"resources": {"my table": object}}, ValueError, "'my table' cannot be the name"),
        ({"resources": {5: object}}, ValueError, "5 cannot be the name"),
        ({"memory": 127}, ValueError, "128 to 10240 MB, got: 127"),
        ({"memory": 10_241}, ValueError, "got: 10241"),
        ({"memory": True}, TypeError, "a number of MB, got: True"),
        ({"memory": "256"}, TypeError, "a number of MB, got: '256'"),
        ({"environment": {"A": 5}}, TypeError, "names and values are texts"),
        ({"policies": {"Effect": "Allow"}}, TypeError, "a list of statements"),
        ({"policies": ["AdministratorAccess"]}, TypeError, "a list of statements"),
        ({"policies": iter([{"Effect": "Allow"}])}, TypeError, "a list of statements"),
        ({"policies": None}, TypeError, "a list of statements, each a dict, got: NoneType"),
        ({"files": "rates.json"}, TypeError, "files: a list of paths, got: 'rates.json'"),
        ({"files": [5]}, TypeError, "files: a list of paths"),
    ],
)
def test_what_cannot_be_a_participant_is_refused(
    options: dict[str, Any], error: type[Exception], text: str
) -> None:
    """Mistakes are found when the module is imported, with what to write instead."""
    with pytest.raises(error) as caught:
        Participant(**options)
    assert text in str(caught.value)
