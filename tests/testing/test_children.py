"""The fault matrix of sagas with children: what is tried, and what a trial does meanwhile."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from stepsaga import Child, Input, Saga, Step
from stepsaga.cli.counterexample import as_text
from stepsaga.engines.child_faults import CHILD_FAULTS
from stepsaga.engines.endings import Ending
from stepsaga.engines.faults import CALL_FAULTS
from stepsaga.errors import UsageError
from stepsaga.testing import LawBroken, SagaVerifier
from stepsaga.testing.cases import parse_case
from stepsaga.testing.children import Telling
from stepsaga.testing.matrix import Court
from tests.children import shop
from tests.children.shop import Bundle, Order, Parcel, Sell

if TYPE_CHECKING:
    from stepsaga.testing.trial import Trial

COURT = Court()


def tried(saga: type[Saga], *only: str) -> Trial:
    """One case of a saga."""
    [way] = COURT.ways(saga, {})
    return COURT.run(saga, parse_case(way.name, only, "only"), way)


def test_everything_that_can_go_wrong_with_a_child(verify_saga: SagaVerifier) -> None:
    """Each fault of the call strikes, those of the child do, and every law holds for both."""
    report = verify_saga(Sell)
    texts = {text.removesuffix(",ok") for one in report.verdicts for text in one.case.texts}
    assert {f"ship={kind}" for kind in (*CALL_FAULTS, *CHILD_FAULTS)} <= texts
    undone = {f"undo ship={kind}" for kind in (*CALL_FAULTS, *CHILD_FAULTS)}
    assert undone - texts == {"undo ship=rejected", "undo ship=lands late"}
    assert {f"ship={telling.value}" for telling in Telling} <= texts
    assert {f"ShipParcel:{step}=rejected" for step in ("pack", "label", "send")} <= texts
    assert report.unreached == ()
    assert report.idle == []
    assert sum(bool(one.mended) for one in report.verdicts) > 50


class Pack(Saga):
    """A child of one step."""

    parcel = Input(Parcel)
    pack = Step(shop.pack, compensation=shop.unpack)


class SellBox(Saga):
    """Its parent, which does nothing else."""

    order = Input(Order)
    ship = Child(Pack, takes={"parcel": order.parcel})


def test_pairs_of_faults(verify_saga: SagaVerifier) -> None:
    """A parent that does nothing but start a child: whatever goes wrong, and one thing more."""
    report = verify_saga(SellBox, pairs=True)
    assert len(report.verdicts) > 500
    two = [one for one in report.verdicts if len(one.case.texts) > 1]
    assert len(two) > 400


@pytest.mark.parametrize("kinds", ["rejected,ok", "raises", "crashes after link"])
def test_a_child_that_was_not_started(kinds: str) -> None:
    """Its input does not fit, nothing can start it, or who was to start it has died."""
    trial = tried(Sell, f"ship={kinds}")
    assert trial.verdict.broken == ()
    assert trial.verdict.ending is Ending.COMPENSATED
    assert trial.children == ()


def test_a_child_that_undoes_itself() -> None:
    """Its parent hears of it as of a rejection; both logs tell it."""
    trial = tried(Sell, "ShipParcel:send=rejected")
    assert trial.verdict.ending is Ending.COMPENSATED
    assert [child.ending for child in trial.children] == [Ending.COMPENSATED]
    assert trial.verdict.mended == ()


@pytest.mark.parametrize("first", ["ShipParcel:send=rejected", "thank=rejected"])
def test_a_stuck_child_is_mended_and_its_parent_goes_on(first: str) -> None:
    """Undoing itself, or undone with its parent, which is never stuck itself."""
    trial = tried(Sell, first, "ShipParcel:undo label=raises")
    assert trial.verdict.broken == ()
    assert trial.verdict.ending is Ending.COMPENSATED
    assert trial.verdict.stuck is None
    [mended] = trial.verdict.mended
    assert "at label" in mended
    assert "`stepsaga redrive ShipParcel#" in mended


def test_a_child_of_a_child_is_mended() -> None:
    """The saga at the top names what is stuck at the bottom, and goes on."""
    trial = tried(Bundle, "last=rejected", "ShipParcel:undo pack=raises")
    assert trial.verdict.broken == ()
    assert trial.verdict.stuck is None
    assert [child.saga for child in trial.children] == ["ShipParcel", "Sell"]
    assert {child.ending for child in trial.children} == {Ending.COMPENSATED}


@pytest.mark.parametrize("telling", Telling)
@pytest.mark.parametrize("fault", ["ShipParcel:label=rejected", "thank=rejected"])
def test_when_an_end_is_told(telling: Telling, fault: str) -> None:
    """Twice, late, or not at all: then its undoing finds it, or a redrive does."""
    trial = tried(Sell, f"ship={telling.value}", fault)
    assert trial.verdict.broken == ()
    stuck = trial.verdict.stuck.state if trial.verdict.stuck else ""
    never = telling is Telling.NEVER and fault == "thank=rejected"
    assert stuck == ("undo ship" if never else "")


def test_a_counterexample_shows_the_child() -> None:
    """Its timeline stands below its parent's, with what was done about it."""
    trial = tried(Sell, "ShipParcel:label=rejected", "ShipParcel:undo pack=raises")
    text = as_text(COURT.bench(Sell).compiled, trial)
    assert "a child was stuck, and was mended: ShipParcel#" in text
    assert text.index("Sell trial  COMPENSATED") < text.index("ShipParcel trial-ship-")
    assert "because label" in text


def test_faults_of_a_child_are_named_with_it() -> None:
    """A state is its parent's unless it says otherwise; what a child does not have is refused."""
    with pytest.raises(UsageError, match=r"no state 'label' can have a fault.*ShipParcel:label"):
        tried(Sell, "label=raises")
    with pytest.raises(UsageError, match="no fault 'crashes after link' for it"):
        tried(Sell, "charge=crashes after link")
    with pytest.raises(UsageError, match="the fault 'rejected' stands for a handler"):
        tried(Sell, "undo ship=rejected")


def keep_it(pack: str | None) -> None:
    """Give nothing back."""
    del pack


class ShipBadly(Saga):
    """A child whose compensation does nothing."""

    parcel = Input(Parcel)
    pack = Step(shop.pack, compensation=keep_it)


class SellBadly(Saga):
    """Its parent."""

    order = Input(Order)
    ship = Child(ShipBadly, takes={"parcel": order.parcel})
    last = Step(shop.thank, compensation=shop.unthank)


def test_what_a_child_leaves_is_found(verify_saga: SagaVerifier) -> None:
    """With handlers of its own: the parent is compensated, and the child's effect stands."""
    ledger = shop.Ledger()

    def prepare() -> None:
        ledger.moves.clear()
        ledger.undone.clear()

    order: dict[str, Any] = {"price": 10, "parcel": {"sku": "tea"}}
    with pytest.raises(LawBroken, match=r"net effect of nothing[\s\S]*packer") as caught:
        verify_saga(
            SellBadly,
            handlers="real",
            input=order,
            resources={"ledger": ledger},
            prepare=prepare,
            stands=lambda: ledger.balances,
        )
    assert "SellBadly trial" in str(caught.value)
    assert "ShipBadly trial-ship" in str(caught.value)
    assert "to see it again: verify_saga(SellBadly, only=[" in str(caught.value)
