"""What somebody put between the marks: it is named, and not deleted without a word."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from stepsaga.errors import DeploymentError
from stepsaga.sam.application import application_of
from stepsaga.sam.merge import END
from stepsaga.sam.template import render
from tests.sam.projects import FULFIL_ORDER, SHAPES

if TYPE_CHECKING:
    from pathlib import Path

PLACES = {
    "Resources": ("  StepsagaLayer:\n", "  MyQueue: {Type: AWS::SQS::Queue}\n"),
    "Resources, quoted": ("  StepsagaLayer:\n", "  'MyQueue' :\n    Type: AWS::SQS::Queue\n"),
    "Resources, as ours are called": (
        "  StepsagaLayer:\n",
        "  MyQueueLogs:\n    Type: AWS::Logs::LogGroup\n",
    ),
    "Conditions": ("  HasKey: ", "  MyQueue: !Equals [a, b]\n"),
    "Outputs": ("  AlarmTopic:\n", "  MyQueue: {Value: x}\n"),
}


@pytest.mark.parametrize("place", PLACES)
def test_what_is_not_generated_is_not_removed(reference: Path, place: str) -> None:
    """Something of a user's between two marks is refused by its name and line."""
    file, (before, own) = reference / "template.yaml", PLACES[place]
    head, tail = file.read_text().rsplit(before, 1)
    file.write_text(f"{head}{own}{before}{tail}")
    with pytest.raises(DeploymentError, match=r"MyQueue(Logs)? stands in a generated part") as told:
        render(reference, application_of(reference, [FULFIL_ORDER]))
    assert str(told.value).startswith(f"template.yaml:{head.count(chr(10)) + 1}: ")


@pytest.mark.parametrize("shape", SHAPES)
def test_what_was_generated_goes(reference: Path, shape: str) -> None:
    """What is left of sagas and participants that are gone is known as generated, and removed."""
    file = reference / "template.yaml"
    file.write_text(render(reference, application_of(reference, SHAPES["all"])))
    wanted = render(reference, application_of(reference, SHAPES[shape]))
    file.write_text(wanted)
    assert render(reference, application_of(reference, SHAPES[shape])) == wanted
    assert ("AnnounceMachineRole:" in wanted) == (shape in ("pins_nothing", "all"))


def test_what_a_merge_left_twice_goes(reference: Path) -> None:
    """Conflict marks, and parts that stand twice, are made anew as before."""
    file, shapes = reference / "template.yaml", ("all", "pins_nothing")
    application = application_of(reference, [FULFIL_ORDER])
    one, other = (render(reference, application_of(reference, SHAPES[name])) for name in shapes)
    wanted = render(reference, application)
    text = one.replace(
        "  StepsagaLayer:\n",
        f"<<<<<<< ours\n{other.partition('  StepsagaLayer:')[2].partition(f'  {END}')[0]}=======\n"
        "  StepsagaLayer:\n>>>>>>> theirs\n",
        1,
    )
    file.write_text(text)
    assert render(reference, application) == wanted
