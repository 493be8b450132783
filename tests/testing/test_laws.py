"""The laws of every run: each is kept by a sound one, and broken by what it forbids."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from sagas.orders import FulfilOrder
from stepsaga.authoring import graph_of
from stepsaga.engines.endings import Ending
from stepsaga.store.commits import EventRecord, Outcome
from stepsaga.testing.cases import Case
from stepsaga.testing.laws import LAWS, Story, broken_laws
from stepsaga.testing.matrix import Court
from stepsaga.testing.world import World
from tests.children.shop import Sell, ShipParcel

if TYPE_CHECKING:
    from collections.abc import Callable

    from stepsaga.store.commits import Commit

GRAPH = graph_of(FulfilOrder)


def story(*faults: tuple[str, str]) -> Story:
    """A run of FulfilOrder with stubs, and what the laws see of it."""
    [way] = Court().ways(FulfilOrder, {})
    trial = Court().run(FulfilOrder, Case(way.name, faults), way)
    assert trial.verdict.broken == ()
    ending, error = trial.verdict.ending, trial.view.error or ""
    return Story(GRAPH, ending, error, trial.commits, trial.world)


def well() -> Story:
    """A run in which nothing goes wrong."""
    return story()


def back() -> Story:
    """A run that is undone: two steps are."""
    return story(("ship", "rejected"))


def without(found: Story, event: str) -> Story:
    """A story whose log does not have a kind of event."""
    kept = [one for one in found.commits if all(e.type != event for e in one.events)]
    return replace(found, commits=kept)


def swapped(found: Story) -> Story:
    """A story whose compensations came in the other order, as the log says."""
    undone = [one for one in found.commits if one.outcome is Outcome.COMPENSATED]
    slots = [one.slot for one in undone]
    times = dict(zip(slots, [one.recorded_at for one in reversed(undone)], strict=True))
    commits = [
        replace(one, recorded_at=times.get(one.slot, one.recorded_at)) for one in found.commits
    ]
    return replace(found, commits=commits)


def told(found: Story, **changes: object) -> Story:
    """A story whose world is another one."""
    known = found.world or World()
    fields = {name: getattr(known, name) for name in ("done", "undone", "standing", "twice")}
    return replace(found, world=World(**{**fields, **changes}))


def refused(commits: tuple[Commit, ...]) -> list[Commit]:
    """A log in which the second step was rejected."""
    event = EventRecord("StepRejected", 1, {"step": "charge", "error": "No", "message": ""})
    second = replace(commits[1], outcome=Outcome.REJECTED, events=(event,))
    return [commits[0], second, *commits[2:]]


def with_child(case: Case) -> Story:
    """A run of Sell, with its child."""
    [way] = Court().ways(Sell, {})
    trial = Court().run(Sell, replace(case, way=way.name), way)
    assert trial.verdict.broken == ()
    [child] = trial.children
    parent = Story(graph_of(Sell), trial.verdict.ending, "", trial.commits)
    below = Story(graph_of(ShipParcel), child.ending, "", child.commits, stream=child.stream)
    return replace(parent, children=[below])


def child_ends_later(found: Story) -> Story:
    """A story whose child ends after its parent goes on."""
    [child] = found.children
    late = [replace(one, recorded_at="2027-01-01T00:00:00.000Z") for one in child.commits]
    return replace(found, children=[replace(child, commits=late)])


def child_stands(found: Story) -> Story:
    """A story whose child is left completed."""
    [child] = found.children
    kept = without(child, "SagaCompensated").commits
    return replace(found, children=[replace(child, ending=Ending.COMPLETED, commits=kept)])


BROKEN: dict[str, Callable[[], Story]] = {
    "a saga ends completed, compensated or stuck": lambda: replace(
        back(), ending=Ending.STUCK, error="States.Runtime"
    ),
    "the log ends as the saga does": lambda: without(back(), "SagaCompensated"),
    "what is rejected is not completed": lambda: replace(
        well(), commits=refused(tuple(well().commits))
    ),
    "what was undone has left nothing": lambda: told(back(), standing={"a key"}),
    "nothing is undone twice": lambda: told(back(), undone=["a key", "a key"]),
    "what is claimed happens once": lambda: told(well(), twice=["a key"]),
    "steps go forward in order, and back in reverse": lambda: swapped(back()),
    "the log tells what has happened": lambda: told(well(), done=[]),
    "children end as their parent does": lambda: child_stands(
        with_child(Case("", (("thank", "rejected"),)))
    ),
    "a step is done, and undone, when its child is": lambda: child_ends_later(with_child(Case(""))),
}


def test_every_law_has_a_story_that_breaks_it() -> None:
    """A law that nothing can break says nothing."""
    assert list(BROKEN) == list(LAWS)


@pytest.mark.parametrize("law", LAWS)
def test_a_law_sees_what_breaks_it(law: str) -> None:
    """What a law forbids is told by that law, with where it happened."""
    found = [one for one in broken_laws(BROKEN[law]()) if one.law == law]
    assert found
    assert all(one.text for one in found)


def test_a_sound_run_breaks_none() -> None:
    """Nothing is told of runs in which all is well."""
    assert broken_laws(well()) == []
    assert broken_laws(back()) == []
    assert broken_laws(with_child(Case(""))) == []


@pytest.mark.parametrize("state", ["thank", "ShipParcel:label"])
def test_a_child_is_held_against_every_law(state: str) -> None:
    """Completed and undone with its parent, or undone by itself: what it breaks is told as its."""
    found = with_child(Case("", ((state, "rejected"),)))
    assert broken_laws(found) == []
    [child] = found.children
    [broken] = broken_laws(replace(found, children=[without(child, "SagaStarted")]))[:1]
    assert broken.text.startswith(f"{child.stream}: ")


def test_a_child_that_nobody_waits_for_is_seen() -> None:
    """Whatever was started is in its parent's log."""
    found = with_child(Case(""))
    [broken] = broken_laws(without(found, "ChildAwaited"))
    assert broken.text.startswith("nobody waits for ShipParcel#")


def test_effects_in_the_wrong_order_are_seen() -> None:
    """The ledger has an order of its own, forward and back."""
    forward, undone = well(), back()
    assert forward.world
    assert undone.world
    mixed = told(forward, done=forward.world.done[::-1])
    assert any("had its effect before" in one.text for one in broken_laws(mixed))
    mixed = told(undone, undone=undone.world.undone[::-1])
    assert any("was undone before" in one.text for one in broken_laws(mixed))


def test_who_began_is_in_the_first_commit() -> None:
    """A stream without SagaStarted does not tell the whole story (rule 8)."""
    found = well()
    first, *others = found.commits
    events = tuple(event for event in first.events if event.type != "SagaStarted")
    silent = replace(found, commits=[replace(first, events=events), *others])
    assert any("who began" in one.text for one in broken_laws(silent))
