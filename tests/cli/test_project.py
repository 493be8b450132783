"""The commands in this project: as typer's runner calls them, and as a shell does."""

from __future__ import annotations

import json
import re
from contextlib import chdir
from typing import TYPE_CHECKING

import pytest
from typer.testing import CliRunner

from sagas.orders import FulfilOrder
from stepsaga.asl import build
from stepsaga.authoring import graph_of
from stepsaga.cli.app import app
from stepsaga.cli.compile import differences
from stepsaga.cli.exits import COMPENSATED, FINE, PROBLEM, STUCK, USAGE
from stepsaga.cli.graph import Format, refuse_terminal
from stepsaga.drawing.layout import layout
from stepsaga.drawing.mermaid import mermaid
from stepsaga.drawing.svg import svg
from stepsaga.errors import UsageError
from tests.cli.shell import ROOT, Said, python, stepsaga

if TYPE_CHECKING:
    from pathlib import Path

    from typer.testing import Result

GRAPH = graph_of(FulfilOrder)
COMPILED = build(GRAPH)
PNG = b"\x89PNG"


def call(*arguments: str) -> Result:
    """A command in this process, at the top of the project."""
    with chdir(ROOT):
        return CliRunner().invoke(app, arguments)


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder from which this project's packages are found, to run sagas in."""
    root = tmp_path_factory.mktemp("project")
    for name in ("sagas", "handlers", "tools", "examples"):
        (root / name).symlink_to(ROOT / name)
    return root


def run(project: Path, example: str, *options: str) -> Said:
    """``stepsaga run`` with one of the examples."""
    return stepsaga(
        "run", "FulfilOrder", "--input", f"examples/{example}.json", *options, cwd=project
    )


def test_check_finds_nothing_wrong_here() -> None:
    """The project's own sagas have no problems."""
    said = call("check")
    assert (said.exit_code, said.stderr) == (FINE, "")
    assert "FulfilOrder" in said.stdout


def test_check_for_machines() -> None:
    """The JSON form names the sagas and no problem."""
    said = json.loads(call("check", "FulfilOrder", "--json").stdout)
    assert [saga["saga"] for saga in said["sagas"]] == ["FulfilOrder"]
    assert (said["problems"], said["broken"]) == ([], [])


def test_check_estimates_payloads() -> None:
    """Of one saga it says how large its results are, and which can go to the bucket (rule 22)."""
    said = call("check", "FulfilOrder")
    assert "document; bucket over 10,0" in said.stdout
    assert "input and results at worst: " in said.stdout
    assert "bucket" not in call("check").stdout
    [saga] = json.loads(call("check", "FulfilOrder", "--json").stdout)["sagas"]
    results = {one["step"]: one for one in saga["payloads"]["results"]}
    assert list(results) == ["reserve", "charge", "ship", "thank"]
    assert results["charge"]["most"] is None
    assert (results["charge"]["place"], results["charge"]["times"]) == ("either", 1)
    assert saga["payloads"]["limit"] == 163_840


def test_the_committed_machines_are_what_the_sagas_say() -> None:
    """What is in statemachines is what the compiler makes of the sagas now."""
    said = call("compile", "--check")
    assert (said.exit_code, said.stderr) == (FINE, "")


def test_graph_draws_mermaid_where_nothing_else_is_wanted() -> None:
    """Without options the flowchart goes to stdout."""
    said = call("graph", "FulfilOrder")
    assert said.exit_code == FINE
    assert said.stdout == mermaid(GRAPH)


def test_graph_prints_svg_and_png() -> None:
    """An SVG is text; a PNG's bytes go into a pipe as they are."""
    assert call("graph", "FulfilOrder", "--format", "svg").stdout == svg(layout(GRAPH))
    assert call("graph", "FulfilOrder", "--format", "png").stdout_bytes.startswith(PNG)


@pytest.mark.parametrize(
    ("name", "options", "begins"),
    [
        ("a.mmd", [], b"flowchart TD"),
        ("a.mermaid", [], b"flowchart TD"),
        ("a.SVG", [], b"<?xml"),
        ("a.png", [], PNG),
        ("a.txt", ["--format", "mermaid"], b"flowchart TD"),
        ("a.svg", ["--format", "png"], PNG),
    ],
)
def test_graph_writes_what_the_file_is_called(
    tmp_path: Path, name: str, options: list[str], begins: bytes
) -> None:
    """The ending of the file's name says the format, unless --format does."""
    file = tmp_path / name
    said = call("graph", "FulfilOrder", "--output", str(file), *options)
    assert (said.exit_code, said.stderr) == (FINE, "")
    assert said.stdout.split() == ["written", str(file)]
    assert file.read_bytes().startswith(begins)


@pytest.mark.parametrize(
    ("options", "complaint"),
    [
        (["--output", "saga.jpg"], "let its name end in .mmd, .mermaid, .svg, .png"),
        (["--output", "saga"], "or write --format"),
        (["--output", "nowhere/saga.svg"], "cannot be written: No such file or directory"),
        (["--format", "jpg"], "'jpg'"),
    ],
)
def test_mistakes_of_graph_are_told_in_a_line(options: list[str], complaint: str) -> None:
    """What cannot be written or drawn is named on stderr, with code 2, and nothing is written."""
    said = call("graph", "FulfilOrder", *options)
    assert (said.exit_code, said.stdout) == (USAGE, "")
    assert complaint in said.stderr


def test_graph_writes_no_png_to_a_terminal() -> None:
    """A terminal would show rubbish: it says what to write instead."""
    with pytest.raises(UsageError, match="--output FILE, or pipe it"):
        refuse_terminal(Format.PNG, None, terminal=True)
    refuse_terminal(Format.PNG, None, terminal=False)
    refuse_terminal(Format.SVG, None, terminal=True)


def test_an_unknown_saga_is_a_mistake_with_a_hint() -> None:
    """A name that is nearly right is answered with the right one, on stderr, with code 2."""
    said = call("graph", "FulfillOrder")
    assert (said.exit_code, said.stdout) == (USAGE, "")
    assert "did you mean FulfilOrder?" in said.stderr


def test_an_unknown_command_is_a_mistake_with_a_hint() -> None:
    """The same holds for commands."""
    said = call("chek")
    assert said.exit_code == USAGE
    assert "'check'" in said.stderr


def test_difference_names_states() -> None:
    """A stale file is told by the states that differ, not by lines of JSON."""
    old = json.loads(COMPILED.text)
    old["States"]["charge"]["TimeoutSeconds"] = 1
    del old["States"]["thank"]
    old["States"]["gone"] = {"Type": "Succeed"}
    old["TimeoutSeconds"] = 1
    assert differences(json.dumps(old), COMPILED.text) == [
        "gone: is to go",
        "charge: is another",
        "thank: is new",
        "TimeoutSeconds: is another",
    ]


def test_difference_without_a_difference() -> None:
    """Where no state differs, the fingerprint or the layout does."""
    other = COMPILED.text.replace(COMPILED.fingerprint, "0" * 64)
    assert differences(other, COMPILED.text) == ["only the fingerprint: a model, a wiring"]
    assert differences(f"{COMPILED.text} ", COMPILED.text) == ["only the layout"]
    assert differences("{", COMPILED.text) == ["it is no state machine"]


def test_run_completes_and_show_shows_it_later(project: Path) -> None:
    """A run prints its timeline, exits with 0, and another process can show the same."""
    ran = run(project, "completes", "--id", "order-1")
    assert (ran.code, ran.err) == (FINE, "")
    assert ran.out.startswith("FulfilOrder order-1  COMPLETED")
    assert "card=***" in ran.out
    assert "\x1b" not in ran.out
    assert ran.out.isascii()
    shown = stepsaga("show", "order-1", cwd=project)
    assert (shown.code, shown.out, shown.err) == (FINE, ran.out, "")


def test_run_compensated_exits_with_its_own_code(project: Path) -> None:
    """A saga that was undone is an expected ending, and not what `&&` should go on after."""
    ran = run(project, "card_declined", "--id", "order-2", "--json")
    told = json.loads(ran.out)
    assert (ran.code, told["ending"], told["undone"]) == (COMPENSATED, "compensated", ["reserve"])
    assert "tok_empty" not in ran.out


def test_run_with_a_fault_undoes_what_nobody_knows_of(project: Path) -> None:
    """A charge that times out after the money moved is refunded: seal, refund, release."""
    ran = run(project, "charge_times_out", "--fail", "charge=times out after", "--json")
    told = json.loads(ran.out)
    assert (ran.code, told["undone"]) == (COMPENSATED, ["charge", "reserve"])
    assert told["cost"]["retries"] == 4
    assert told["id"].startswith("charge_times_out-")


def test_run_stuck_says_so_and_how_to_go_on(project: Path) -> None:
    """A compensation that never succeeds leaves the saga stuck: code 4, reason and way out."""
    ran = run(
        project, "card_declined", "--fail", "undo reserve=raises", "--id", "order-3", "--seed", "1"
    )
    assert (ran.code, ran.err) == (STUCK, "")
    assert "STUCK after" in ran.out
    assert re.search(r"undo reserve +stuck +StepFailed +attempt 10", ran.out)
    assert re.search(r"STUCK after \d+ min", ran.out), "all pauses count, not the last commit"
    assert "InjectedError" in ran.out
    assert "redrive" in ran.out
    assert "STUCK" in stepsaga("show", "FulfilOrder#order-3", cwd=project).out


def test_a_name_used_again_is_another_run(project: Path) -> None:
    """Two runs of one name are kept apart; the latest is shown, and all of them if wanted."""
    for _ in range(2):
        assert run(project, "completes", "--id", "again").code == FINE
    latest = stepsaga("show", "again", cwd=project)
    assert "the latest of 2 runs" in latest.out
    both = json.loads(stepsaga("show", "again", "--all", "--json", cwd=project).out)
    assert [one["ending"] for one in both] == ["completed", "completed"]
    assert both[0]["started"] < both[1]["started"]


def test_run_takes_its_input_from_a_pipe(project: Path) -> None:
    """Input that does not fit ends the saga before anything is done, and names the field."""
    ran = stepsaga("run", "FulfilOrder", "--input", "-", cwd=project, stdin='{"total": -1}')
    assert ran.code == COMPENSATED
    assert "order.total" in ran.out
    assert "undone" not in ran.out.replace("all that was done is undone", "")


@pytest.mark.parametrize(
    ("options", "complaint"),
    [
        (["--input", "none.json"], "there is no file none.json"),
        (["--input", "examples/completes.json", "--id", "a b"], "' ' is not allowed"),
        (["--input", "examples/completes.json", "--fail", "charge"], "write STEP=KIND"),
        (["--input", "examples/completes.json", "--fail", "chrge=raises"], "did you mean 'charge'"),
        (["--input", "examples/completes.json", "--fail", "charge=rases"], "did you mean 'raises'"),
        ([], "--input"),
    ],
)
def test_mistakes_of_run_are_told_without_a_traceback(
    project: Path, options: list[str], complaint: str
) -> None:
    """What was typed wrong is named on stderr, with code 2, and nothing on stdout."""
    said = stepsaga("run", "FulfilOrder", *options, cwd=project)
    assert (said.code, said.out) == (USAGE, "")
    assert complaint in said.err
    assert "Traceback" not in said.err


def test_colours_only_where_they_are_wanted(project: Path) -> None:
    """A terminal that is forced gets colours; NO_COLOR takes them away."""
    run(project, "completes", "--id", "order-4")
    forced = {"FORCE_COLOR": "1", "TERM": "xterm-256color"}
    assert "\x1b[1;32m" in stepsaga("show", "order-4", cwd=project, env=forced).out
    plain = stepsaga("show", "order-4", cwd=project, env={**forced, "NO_COLOR": "1"})
    assert "\x1b[1;32m" not in plain.out


def test_show_of_what_was_never_run(project: Path) -> None:
    """An id that is not there is a problem, with what is there."""
    said = stepsaga("show", "order-0", cwd=project)
    assert (said.code, said.out) == (PROBLEM, "")
    assert "no saga order-0 was run here" in said.err


def test_the_demo_shows_three_endings_and_conserves() -> None:
    """`make demo` runs to its end, in plain text where it is piped, and the books are right."""
    said = python(str(ROOT / "tools" / "demo.py"), cwd=ROOT)
    assert (said.code, said.err) == (0, "")
    assert [word for word in said.out.split() if word in ("COMPLETED", "COMPENSATED", "STUCK")] == [
        "COMPLETED",
        "COMPENSATED",
        "COMPENSATED",
    ]
    assert "undone, in this order: charge, reserve" in said.out
    assert said.out.count("conserved") == 2
    assert "STALE" not in said.out
    assert max(map(len, said.out.splitlines())) <= 100
