"""Templates into which the generated parts do not fit: each is told what to change."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from stepsaga.errors import DeploymentError
from stepsaga.sam.application import application_of
from stepsaga.sam.template import SCAFFOLD, build_target, parameters_of, render
from tests.sam.projects import FULFIL_ORDER

if TYPE_CHECKING:
    from pathlib import Path

    from tests.sam.projects import Small


def refused(reference: Path, old: str, new: str) -> str:
    """What is said of the reference application's template with one change."""
    file = reference / "template.yaml"
    text = file.read_text()
    assert old in text
    file.write_text(text.replace(old, new, 1))
    with pytest.raises(DeploymentError) as caught:
        render(reference, application_of(reference, [FULFIL_ORDER]))
    return str(caught.value)


TRANSFORM = "Transform: [AWS::LanguageExtensions, AWS::Serverless-2016-10-31]"


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ("  Stage:\n", "  Stge:\n", "lacks the parameters Stage"),
        ("  KeyArn:\n    Type: String\n", "  Key:\n    Type: String\n", "the parameters KeyArn"),
        ("AllowedValues: [local, dev, prod]", "Default: dev", "Stage needs AllowedValues"),
        ("[local, dev, prod]", "[local, dev, production]", "local and prod among them"),
        ("    Default: arm64\n", "", "the parameter Architecture needs a Default"),
        (TRANSFORM, "Description2: none", f"needs the line: {TRANSFORM[:40]}"),
        (TRANSFORM, "Transform: AWS::Serverless-2016-10-31", "needs the line: Transform"),
        (TRANSFORM, f"Transform: [{TRANSFORM[36:-1]}, {TRANSFORM[12:34]}]", "needs the line"),
        ("  StockTable:\n", "  Alarms: {Type: T}\n  StockTable:\n", "Resources: Alarms stands"),
        ("  StockTable:\n", "  StckTable:\n", r"handlers.inventory refers to ${StockTable}"),
        (
            "  StockTable:\n",
            "  WatchEnds: {Type: T}\n  StockTable:\n",
            "WatchEnds is what SAM calls a resource that it makes of another",
        ),
        ("Conditions:\n", "Conditions:\n  IsProd: !Equals [a, b]\n", "Conditions: IsProd stands"),
        ("Outputs:\n", "Outputs:\n  EventTable: {Value: x}\n", "Outputs: EventTable stands"),
    ],
)
def test_what_does_not_fit(reference: Path, old: str, new: str, words: str) -> None:
    """What is missing or taken is named, with what to write."""
    assert words in refused(reference, old, new)


def test_more_macros_may_be_there(reference: Path) -> None:
    """Somebody's own macro before ours is nothing to refuse."""
    file = reference / "template.yaml"
    file.write_text(file.read_text().replace("Transform: [", "Transform: [Mine, "))
    assert "Transform: [Mine," in render(reference, application_of(reference, [FULFIL_ORDER]))


def test_too_many_resources(small: Small) -> None:
    """CloudFormation's limit of a stack is told before it refuses the deployment."""
    own = "".join(f"  Own{n}: {{Type: 'AWS::SNS::Topic'}}\n" for n in range(480))
    small.write("template.yaml", f"{SCAFFOLD}\nResources:\n{own}")
    with pytest.raises(DeploymentError, match=r"about 5.. resources, CloudFormation allows 500"):
        small.asking("")


@pytest.mark.parametrize("content", [b"\xff\xfe", "a folder"])
def test_a_template_that_cannot_be_read(reference: Path, content: bytes | str) -> None:
    """What is no text, or no file, is named."""
    file = reference / "template.yaml"
    file.unlink()
    if isinstance(content, bytes):
        file.write_bytes(content)
    else:
        file.mkdir()
    with pytest.raises(DeploymentError, match=r"template\.yaml cannot be read: "):
        parameters_of(reference)


def test_no_template(reference: Path) -> None:
    """Where there is none, it is said how to get one."""
    (reference / "template.yaml").unlink()
    with pytest.raises(DeploymentError, match="`stepsaga template` writes one"):
        parameters_of(reference)


def test_a_default_that_is_none() -> None:
    """What is built for has to be a text."""
    with pytest.raises(DeploymentError, match="the parameter PythonVersion needs a Default"):
        build_target({"PythonVersion": {"Default": 3.13}})


def test_windows_line_ends_stay(reference: Path) -> None:
    """A template with Windows' line ends is fresh as it is, and has no others afterwards."""
    file = reference / "template.yaml"
    file.write_bytes(file.read_bytes().replace(b"\n", b"\r\n"))
    text = render(reference, application_of(reference, [FULFIL_ORDER]))
    assert text.encode() == file.read_bytes()


def test_no_lock_file(reference: Path) -> None:
    """Without what pins the layer there is no template: the digest is of it, too."""
    (reference / "requirements" / "layer.lock").unlink()
    with pytest.raises(DeploymentError, match="`make lock` writes it"):
        render(reference, application_of(reference, [FULFIL_ORDER]))


def test_too_many_participants(small: Small) -> None:
    """What recovery has to know of them must fit its variables; that is told before Lambda does."""
    modules = [small.participant(f"p{number}") for number in range(30)]
    with pytest.raises(DeploymentError, match="30 participants and 1 sagas may not fit"):
        small.render(*modules)
