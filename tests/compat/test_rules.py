"""What each rule finds, for whom, and in what it finds nothing: pairs of releases."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from stepsaga.compat.findings import Weight, Whom
from tests.compat.worlds import changed, compared

if TYPE_CHECKING:
    from pathlib import Path

    from stepsaga.compat.findings import Finding

SHOP = """
def hold(order: dict[str, object]) -> str: ...


def let_go(hold: str | None) -> None: ...
"""
BEFORE = """
class Order(BaseModel):
    sku: str
    lines: list[str] = []


class Payment(BaseModel):
    id: str
    amount: int


class Charged(Event):
    version: ClassVar[int] = 2
    amount: int


def reserve(order: Order) -> str: ...


def release(order: Order, reserve: str | None) -> None: ...


def charge(order: Order, reserve: str) -> Payment: ...


def refund(charge: Payment | None, saga: SagaContext, till: object) -> None: ...


def label(line: str) -> str: ...


def void(line: str) -> None: ...


def ask(charge: Payment) -> None: ...


def ship(order: Order, charge: Payment, review: str) -> str: ...


def find(order: Order, charge: Payment) -> str: ...


def thank(order: Order, ship: str) -> bool: ...


def report(thank: bool) -> None: ...


participant = Participant(resources={"till": lambda: None})


class Sell(Saga):
    order = Input(Order)
    reserve = Step(reserve, compensation=release)
    charge = Step(charge, compensation=refund, timeout=timedelta(seconds=60))
    pack = Parallel(
        labels=Map(order.lines, item="line", label=Step(label, compensation=void), most=5),
        hold=Step(shop.hold, compensation=shop.let_go),
    )
    review = Callback(ask, answer=str, timeout=timedelta(hours=1))
    ship = Step(ship, pivot=True, verify=find)
    thank = Step(thank)
    report = Step(report)
"""


def found(folder: Path, change: str, *, committed: bool = False) -> list[Finding]:
    """What a change of the shop means."""
    (folder / "shop.py").write_text(f"from __future__ import annotations\n{SHOP}", "utf-8")
    return compared(folder, BEFORE, changed(BEFORE, change), committed=committed)


def breaks(findings: list[Finding]) -> list[tuple[str, str, str]]:
    """Code, subject and for whom, of each break."""
    return [
        (one.code, one.subject, one.whom.name) for one in findings if one.weight is Weight.BREAK
    ]


# Of a saga the parts that the changes below change.
STEPS = """\
    order = Input(Order)
    reserve = Step(reserve, compensation=release)
    charge = Step(charge, compensation=refund, timeout=timedelta(seconds=60))
    pack = Parallel(
        labels=Map(order.lines, item="line", label=Step(label, compensation=void), most=5),
        hold=Step(shop.hold, compensation=shop.let_go),
    )
    review = Callback(ask, answer=str, timeout=timedelta(hours=1))
    ship = Step(ship, pivot=True, verify=find)
    thank = Step(thank)
    report = Step(report)
"""


def sell(old: str = "", new: str = "") -> str:
    """The saga with a part of it replaced."""
    assert old in STEPS
    return f"class Sell(Saga):\n{STEPS.replace(old, new)}"


BROKEN = {
    "the pivot's probe is gone": (
        "del find\n"
        + sell(", verify=find", ", compensation=void_ship")
        + "\ndef void_ship(ship: str | None) -> None: ...",
        [("S703", "Sell.ship", "DOUBT")],
    ),
    "a step after the pivot is gone, with its handler": (
        "del report\n" + sell("    report = Step(report)\n"),
        [("S703", "Sell.report", "PASSED")],
    ),
    "a compensation in a lane is gone": (
        "del void\n"
        + sell(", compensation=void", ", compensation=void_all")
        + "\ndef void_all(label: str | None) -> None: ...",
        [("S703", "Sell.label", "UNDONE")],
    ),
    "a handler is no function of its module any more": (
        "from os.path import join as thank\ndef thanks(order: Order) -> bool: ...\ndel thank\n"
        + sell("thank = Step(thank)", "thank = Step(thanks)"),
        [("S703", "Sell.thank", "PASSED")],
    ),
    "a resource is gone": (
        "participant = Participant()\n"
        "def refund(charge: Payment | None, till: object = None) -> None: ...\n"
        "def release(order: Order, reserve: str | None, till: object) -> None: ...\n"
        + sell(
            "reserve = Step(reserve, compensation=release)",
            "reserve = Step(reserve, compensation=let)",
        )
        + "\ndef let(reserve: str | None) -> None: ...",
        [("S704", "Sell.reserve", "UNDONE")],
    ),
    "a compensation takes another step's result": (
        "def refund(charge: Payment | None, reserve: str) -> None: ...",
        [("S704", "Sell.charge", "UNDONE")],
    ),
    "a compensation kept for old sagas does not take None": (
        "def refund(charge: Payment) -> None: ...\n"
        "def give_back(charge: Payment | None) -> None: ...\n"
        + sell("compensation=refund", "compensation=give_back"),
        [("S705", "Sell.charge", "UNDONE")],
    ),
    "a field of a result is required now": (
        "class Payment(BaseModel):\n    id: str\n    amount: int\n    fee: int",
        [("S705", "Sell.charge", "UNDONE"), ("S705", "Sell.ship", "DOUBT")],
    ),
    "a tail step takes what another new one returns": (
        "def thank(order: Order, ship: str) -> str: ...\ndef report(thank: str) -> None: ...",
        [("S705", "Sell.report", "PASSED")],
    ),
    "an input may not have what it had": (
        (
            "class Order(BaseModel):\n"
            "    sku: Annotated[str, Field(max_length=3)]\n    lines: list[str] = []"
        ),
        [
            ("S706", "Sell.labels", "UNDONE"),
            ("S706", "Sell.reserve", "UNDONE"),
            ("S706", "Sell.ship", "DOUBT"),
            ("S706", "Sell.thank", "PASSED"),
        ],
    ),
    "the list of a map in a lane has another name": (
        "class Order(BaseModel):\n    sku: str\n"
        "    rows: list[str] = Field([], validation_alias=AliasChoices('rows', 'lines'))\n"
        + sell("order.lines", "order.rows"),
        [("S706", "Sell.labels", "UNDONE")],
    ),
    "the model of the input is gone": (
        "del Order\nclass Basket(BaseModel):\n    sku: str\n    lines: list[str] = []\n"
        "def reserve(order: Basket) -> str: ...\n"
        "def release(order: Basket, reserve: str | None) -> None: ...\n"
        "def charge(order: Basket, reserve: str) -> Payment: ...\n"
        "def ship(order: Basket, charge: Payment, review: str) -> str: ...\n"
        "def find(order: Basket, charge: Payment) -> str: ...\n"
        "def thank(order: Basket, ship: str) -> bool: ...\n"
        + sell("Input(Order)", "Input(Basket)"),
        [("S706", "Sell.labels", "UNDONE")],
    ),
    "an event has a lower version": (
        "class Charged(Event):\n    amount: int",
        [("S707", "Sell.Charged", "STORED")],
    ),
    "a question wants another answer": (
        "def ship(order: Order, charge: Payment, review: int) -> str: ...\n"
        + sell("answer=str", "answer=int"),
        [("S708", "Sell.review", "WAITING")],
    ),
}


@pytest.mark.parametrize("name", BROKEN)
def test_break(name: str, tmp_path: Path) -> None:
    """A change that would leave running sagas stuck is found where it is, and nothing else."""
    change, expected = BROKEN[name]
    assert breaks(found(tmp_path, change)) == expected


HARMLESS = {
    "nothing": "",
    "a step is added in the middle": "def look(order: Order) -> bool: ...\n"
    + sell("    charge = ", "    look = Step(look, read_only=True)\n    charge = "),
    "a step is gone, its compensation stays": sell(
        "charge = Step(charge, compensation=refund", "charge = Step(other, compensation=undo"
    )
    + "\ndef other(order: Order) -> Payment: ...\ndef undo(charge: Payment | None) -> None: ...",
    "a step up to the pivot takes something else": (
        "def charge(order: Order, reserve: str, till: object) -> Payment: ..."
    ),
    "a step's own handler is gone": "del charge\ndef take(order: Order) -> Payment: ...\n"
    + sell("charge = Step(charge", "charge = Step(take"),
    "a result has a new field": (
        "class Payment(BaseModel):\n    id: str\n    amount: int\n    fee: int = 0"
    ),
    "a result is wider": "def report(thank: bool | None) -> None: ...",
    "an input has a new field": (
        "class Order(BaseModel):\n    sku: str\n    lines: list[str] = []\n    note: str = ''"
    ),
    "an event has a new field": (
        "class Charged(Event):\n    version: ClassVar[int] = 2\n    amount: int\n    card: str = ''"
    ),
    "an event lacks a field": "class Charged(Event):\n    version: ClassVar[int] = 2",
    "an event is gone": "del Charged",
    "a compensation takes less": "def refund(saga: SagaContext) -> None: ...",
    "a compensation takes its step's result": (
        "def void(line: str, label: str | None) -> None: ..."
    ),
    "a compensation takes a resource": (
        "def release(order: Order, reserve: str | None, till: object) -> None: ..."
    ),
    "a compensation takes the input": (
        "def refund(order: Order, charge: Payment | None) -> None: ..."
    ),
    "a question waits longer": sell("timeout=timedelta(hours=1)", "timeout=timedelta(hours=2)"),
    "the pivot is another": sell(
        "ship = Step(ship, pivot=True, verify=find)\n    thank = Step(thank)",
        "ship = Step(ship, compensation=unship, verify=find)\n"
        "    thank = Step(thank, pivot=True, compensation=unthank)",
    )
    + "\ndef unship(ship: str | None) -> None: ...\ndef unthank(thank: bool | None) -> None: ...",
    "a deadline, and a smaller map": sell("most=5", "most=4")
    + "    deadline = timedelta(days=3)\n",
    "a step after the pivot takes more of what there is": (
        "def thank(order: Order, ship: str, charge: Payment) -> bool: ..."
    ),
}


@pytest.mark.parametrize("name", HARMLESS)
def test_harmless(name: str, tmp_path: Path) -> None:
    """What running sagas do not meet, or meet unharmed, is no break, and nothing is in doubt."""
    findings = found(tmp_path, HARMLESS[name])
    assert breaks(findings) == []
    assert [one.code for one in findings if one.code != "S712"] == []


UNTOLD = {
    "an event has a later version": (
        "class Charged(Event):\n    version: ClassVar[int] = 3\n    cents: int",
        ("S711", "Sell.Charged", Whom.STORED),
        "readers need an upcaster of Charged from version 2 to 3",
    ),
    "a compensation has a default where new calls bring data": (
        "def refund(charge: Payment | None, reserve: str = '') -> None: ...",
        ("S711", "Sell.charge", Whom.UNDONE),
        "old calls do not bring reserve",
    ),
    "a result is checked by a function": (
        (
            "def sane(amount: int) -> int:\n    return amount\n\nclass Payment(BaseModel):\n"
            "    id: str\n    amount: Annotated[int, AfterValidator(sane)]"
        ),
        ("S711", "Sell.charge", Whom.UNDONE),
        "amount: it is checked beyond its type: shop_release:sane",
    ),
    "less time, as its author says": (
        sell("seconds=60", "seconds=40"),
        ("S710", "Sell.charge", Whom.UNDONE),
        "had 60 s, and the function of shop_release now ends every call soon after 40 s",
    ),
}


@pytest.mark.parametrize("name", UNTOLD)
def test_note(name: str, tmp_path: Path) -> None:
    """What cannot be told, or is its author's word, is a note with the reason, and never silent."""
    change, expected, text = UNTOLD[name]
    findings = found(tmp_path, change)
    assert breaks(findings) == []
    [one] = [
        one
        for one in findings
        if (one.code, one.subject, one.whom) == expected and text in one.text
    ]
    assert one.weight is Weight.NOTE


def test_slots_that_moved_are_told_as_what_they_are(tmp_path: Path) -> None:
    """A slot with another meaning is a note: a run keeps its definition, and its slots (rule 4)."""
    change = "def look(order: Order) -> bool: ...\n" + sell(
        "    charge = ", "    look = Step(look, read_only=True)\n    charge = "
    )
    [note] = found(tmp_path, change)
    assert (note.code, note.weight, note.whom) == ("S712", Weight.NOTE, Whom.NEW)
    assert "new: look" in note.text
    assert "in another slot: charge, label" not in note.text  # lanes have slots of their own
    assert "in another slot: charge, review" in note.text


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (sell() + "    deadline = timedelta(days=3)\n", "deadline: 259,200 s, was none"),
        (sell("most=5", "most=4"), "most of labels: 4, was 5"),
        (HARMLESS["the pivot is another"], "pivot: thank, was ship"),
        (HARMLESS["the pivot is another"], "in another role: ship, thank"),
        (HARMLESS["a step's own handler is gone"], "by another handler: charge"),
    ],
)
def test_what_new_sagas_do_otherwise(tmp_path: Path, change: str, said: str) -> None:
    """Whoever reviews a release is told what it changes, also where nobody is hurt."""
    assert said in next(note.text for note in found(tmp_path, change) if note.code == "S712")


def test_committed_releases_cannot_tell_what_no_definition_calls(tmp_path: Path) -> None:
    """Without the source a handler that no new definition names may be there, or not: a note."""
    change = BROKEN["a step after the pivot is gone, with its handler"][0]
    findings = found(tmp_path, change, committed=True)
    assert breaks(findings) == []
    [note] = [one for one in findings if one.code == "S711"]
    assert note.subject == "Sell.report"
    assert "compare with the source" in note.hint


@pytest.mark.parametrize(
    "name", ["a field of a result is required now", "a question wants another answer"]
)
def test_committed_releases_tell_the_rest(name: str, tmp_path: Path) -> None:
    """What both definitions call is compared by the committed forms as by the source."""
    change, expected = BROKEN[name]
    assert breaks(found(tmp_path, change, committed=True)) == expected


@pytest.mark.parametrize("committed", [False, True])
def test_an_error_that_old_retries_name(tmp_path: Path, *, committed: bool) -> None:
    """The source tells that its class is gone; committed releases cannot, and say so."""
    (tmp_path / "shop.py").write_text(f"from __future__ import annotations\n{SHOP}", "utf-8")
    retry = "Step(thank, retry=Retry(attempts=9, wait=timedelta(seconds=1), only=(Busy,)))"
    old = changed(BEFORE, f"class Busy(Exception): ...\n{sell('Step(thank)', retry)}")
    findings = compared(tmp_path, old, BEFORE, committed=committed)
    assert [(one.code, one.subject, one.weight.value) for one in findings] == [
        ("S711", "Sell.thank", "note") if committed else ("S713", "Sell.thank", "break")
    ]
    assert compared(tmp_path, old, old, committed=committed) == []
