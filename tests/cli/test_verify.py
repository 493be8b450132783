"""``stepsaga verify``, in a process of its own: a table, files for others, and exit codes."""

from __future__ import annotations

import json
import shlex
import shutil
import xml.etree.ElementTree as ET
from typing import TYPE_CHECKING

import pytest

from tests.cli.shell import ROOT, stepsaga

if TYPE_CHECKING:
    from pathlib import Path

HANDLERS = '''
from __future__ import annotations

from stepsaga import Input, Saga, Step
from tools.local import PURSE


def take(order: dict) -> int:
    """Pay, each time it is called."""
    PURSE["cents"] -= 5
    return 5


def give_back(order: dict) -> None:
    """Pay back, whether or not it was paid."""
    PURSE["cents"] += 5


class Shop(Saga):
    """A saga whose handlers know no keys."""

    order = Input(dict)
    pay = Step(take, compensation=give_back)
    sit = Step(take, compensation=give_back)
'''
LOCAL = '''
PURSE = {"cents": 0}


def setup(dynamodb):
    """Fill the purse."""
    PURSE["cents"] = 100


def stands(dynamodb):
    """What counts."""
    return dict(PURSE)
'''


@pytest.fixture
def shop(tmp_path: Path) -> Path:
    """A project whose handlers are broken."""
    for name, text in (("sagas/shop.py", HANDLERS), ("tools/local.py", LOCAL)):
        file = tmp_path / name
        file.parent.mkdir()
        (file.parent / "__init__.py").touch()
        file.write_text(text)
    return tmp_path


def test_a_sound_saga_is_told_in_a_table(tmp_path: Path) -> None:
    """Each Task has a line, the last lines say what was proved, and CI gets a test case a run."""
    junit = tmp_path / "verify.xml"
    said = stepsaga("verify", "FulfilOrder", "--no-pairs", "-j", "2", "--junit", str(junit))
    assert said.code == 0, said.err
    first = [line.split("  ")[0] for line in said.out.splitlines()]
    assert first[:3] == ["FulfilOrder", "nothing goes wrong", "reserve"]
    assert "every law holds in each of them" in said.out
    [suite] = ET.parse(junit).getroot()  # noqa: S314  # our own file
    runs = int(suite.attrib["tests"])
    assert runs == len(suite.findall("testcase")) > 400
    assert suite.attrib["failures"] == "0"
    assert f"FulfilOrder: {runs:,} runs" in said.out


def test_stubs_hide_what_real_handlers_do(shop: Path) -> None:
    """With stubs the definition is tried, and this one is sound; its handlers are not."""
    said = stepsaga("verify", "--no-pairs", "-j", "1", cwd=shop)
    assert said.code == 0, said.err
    junit = shop / "verify.xml"
    said = stepsaga("verify", "--handlers", "real", "-j", "1", "--junit", str(junit), cwd=shop)
    assert said.code == 1
    assert "broken: what is compensated has the net effect of nothing" in said.out
    assert "cents: 105 stands, and should be 100" in said.out
    assert "Shop trial  COMPENSATED" in said.out
    command = next(line for line in said.out.splitlines() if line.startswith("  stepsaga verify"))
    failure = ET.parse(junit).getroot().find(".//failure")  # noqa: S314  # our own file
    assert failure is not None
    assert "stepsaga verify Shop --only" in (failure.text or "")
    again = stepsaga(*shlex.split(command)[1:], cwd=shop)
    assert again.code == 1
    assert "broken:" in again.out


def test_a_projects_own_function_that_fails_is_named(shop: Path) -> None:
    """What is wrong with tools/local.py is told in words, from whichever process it comes."""
    (shop / "tools" / "local.py").write_text(LOCAL.replace("return dict(PURSE)", "return 1 / 0"))
    said = stepsaga("verify", "--handlers", "real", "-j", "2", cwd=shop)
    assert said.code == 2
    assert "stands in tools/local.py failed: ZeroDivisionError" in said.err
    assert "Traceback" not in said.err


def test_a_report_that_cannot_be_written_is_told_after_the_table(tmp_path: Path) -> None:
    """Minutes of work are shown before a wrong path is complained of."""
    where = tmp_path / "nowhere" / "verify.xml"
    case = ("--input", "examples/transfer_small.json", "--no-pairs", "-j", "1")
    said = stepsaga("verify", "TransferMoney", *case, "--junit", str(where))
    assert said.code == 2
    assert "every law holds" in said.out
    assert "nowhere/verify.xml cannot be written" in said.err


def test_one_case_is_shown() -> None:
    """A single case is run and told as a timeline, with the command that does so again."""
    case = ("--only", "review=answered no", "--seed", "7")
    said = stepsaga("verify", "TransferMoney", *case)
    assert said.code == 0
    assert "review     rejected" in said.out
    assert (
        "stepsaga verify TransferMoney --only 'review=answered no' --way sample+amount=100001"
        " --seed 7" in said.out
    )
    assert "every law holds" in said.out


def test_a_case_that_did_not_come_to_pass_is_told() -> None:
    """A fault that never struck proves nothing."""
    said = stepsaga("verify", "FulfilOrder", "--only", "undo charge=raises")
    assert "the fault on 'undo charge' never struck" in said.err


def test_for_a_machine(tmp_path: Path) -> None:
    """The same as JSON, with what was not proved."""
    example = tmp_path / "small.json"
    shutil.copy(ROOT / "examples" / "transfer_small.json", example)
    said = stepsaga(
        *("verify", "TransferMoney", "--no-pairs", "-j", "1", "--json", "--input", str(example))
    )
    assert said.code == 0, said.err
    [told] = json.loads(said.out)
    assert told["runs"] == sum(told["endings"].values())
    assert {"review", "review unanswered"} <= set(told["never_reached"])
    assert told["broken"] == []


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["Nobody"], "no saga is called 'Nobody'"),
        (["--only", "charge=raises"], "name the saga, too"),
        (["FulfilOrder", "--only", "chrage=raises"], "did you mean 'charge'"),
        (["FulfilOrder", "--way", "home"], "there are: 'sample'"),
        (["FulfilOrder", "--input", "examples/transfer_small.json"], "does not fit the input"),
    ],
)
def test_what_cannot_be_tried_is_refused(arguments: list[str], words: str) -> None:
    """The command was used wrongly: exit code 2, and what to write instead."""
    said = stepsaga("verify", *arguments)
    assert said.code == 2
    assert words in said.err
