"""The guide shows the sagas as they are, and what its commands print is what they print."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from sagas.customers import Onboard, OpenAccount
from sagas.orders import FulfilOrder
from sagas.transfers import TransferMoney
from sagas.trips import BookTrip, RentCar
from stepsaga.authoring import graph_of
from stepsaga.cli.counterexample import as_text
from stepsaga.drawing.mermaid import mermaid
from stepsaga.testing import LawBroken, SagaVerifier
from stepsaga.testing.trial import Surroundings
from tests.docs.blocks import Block, blocks_of
from tests.testing import broken

ROOT = Path(__file__).parents[2]
GUIDE = ROOT / "docs" / "guide"
PAGES = {
    "fulfil-order.md": FulfilOrder,
    "book-trip.md": BookTrip,
    "transfer-money.md": TransferMoney,
    "onboard.md": Onboard,
}
BESIDES = {"book-trip.md": (RentCar,), "onboard.md": (OpenAccount,)}
"""Sagas that a page draws, too, before its own."""
PROJECTS = (
    "questions.md",
    "approval-links.md",
    "children.md",
    "events.md",
    "triggers.md",
    "service-steps.md",
    "many-items.md",
)
"""Pages with a small project of their own: each block says which file it is."""
VERIFY = "verify.md"
OTHERS = ("releases.md", "recovery.md")
"""Pages that are about no saga."""
EVERY = (*PAGES, *PROJECTS, VERIFY, *OTHERS)
COUNTEREXAMPLE = ("counterexample",)
PARTS = ("sagas", "handlers", "tools", "examples")
VARIES = re.compile(
    r"\b[0-9a-f]{16}\b|\b[0-9a-f]{8}\.\.\.|\b[0-9A-F]{8}\b|[\d-]{10} [\d:]{8} UTC"
    r"|\b(?:49|50)\.\d\d s|(?<= runs in )[^;]*|in [\d.]+s$"
)
"""What another run has otherwise: references, idempotency keys, children's ids, the time, how long
an undo from the log waited, which begins at a full second, and how long all of it took."""


def blocks(page: str, *languages: str) -> list[Block]:
    """The blocks of a page in these languages."""
    return [block for block in blocks_of(GUIDE / page) if block.language in languages]


@pytest.mark.parametrize("page", PAGES)
def test_the_diagram_is_what_the_command_prints(page: str) -> None:
    """A page's Mermaid is that of `stepsaga graph`."""
    drawn = [block.text.rstrip("\n") for block in blocks(page, "mermaid")]
    sagas = (*BESIDES.get(page, ()), PAGES[page])
    assert drawn == [mermaid(graph_of(saga)).rstrip("\n") for saga in sagas]


@pytest.mark.parametrize("page", PAGES)
def test_python_on_a_page_stands_in_the_source(page: str) -> None:
    """Every Python block is a part of a saga or a handler, to the letter."""
    sources = [file.read_text() for name in PARTS[:2] for file in (ROOT / name).glob("*.py")]
    for block in blocks(page, "python"):
        assert any(block.text in f"{text}\n" for text in sources), f"{page}:{block.line}"


@pytest.mark.parametrize("page", PAGES)
def test_a_page_shows_its_whole_saga(page: str) -> None:
    """All of the saga's class is on the page, in its order."""
    file = Path(sys.modules[PAGES[page].__module__].__file__ or "")
    body = file.read_text().partition("class ")[2]
    shown = [one.text for one in blocks(page, "python") if one.text in f"class {body}\n"]
    assert re.sub(r"\s", "", "".join(shown)) == re.sub(r"\s", "", f"class {body}")


def lay_out(page: str, folder: Path) -> None:
    """The project that a page's commands run in: this one, or the page's own."""
    if page not in PROJECTS:
        for part in PARTS:
            (folder / part).symlink_to(ROOT / part)
        (folder / "tests").mkdir()
        return
    for block in blocks(page, "python"):
        assert block.path, f"{page}:{block.line}: the block does not say which file it is"
        file = folder / block.path
        file.parent.mkdir(exist_ok=True)
        file.write_text(block.text)
        (file.parent / "__init__.py").touch()


@pytest.mark.parametrize("page", [*PAGES, *PROJECTS, VERIFY])
def test_commands_print_what_the_page_shows(page: str, tmp_path: Path) -> None:
    """Every command ends as announced, and a text block is what the command before it printed."""
    lay_out(page, tmp_path)
    printed = ""
    for block in blocks(page, "bash", "text", "python"):
        if block.path.startswith("tests/"):
            (tmp_path / block.path).write_text(block.text)
        if block.language == "python" or block.words == COUNTEREXAMPLE:
            continue
        if block.language == "text":
            assert _constant(block.text) == _constant(printed)
            continue
        command = f'python() {{ "{sys.executable}" "$@"; }}\n'
        command += 'stepsaga() { python -m stepsaga.cli "$@"; }\n'
        done = subprocess.run(  # noqa: S603  # the page's own words
            ["bash", "-c", f"set -e\n{command}{block.text}"],  # noqa: S607  # whichever there is
            cwd=tmp_path,
            env={**os.environ, "PYTHONPATH": f"{tmp_path}:{ROOT}", "COLUMNS": "100"},
            capture_output=True,
            text=True,
            check=False,
            timeout=240,
        )
        assert done.returncode == block.exits, f"{page}:{block.line}\n{done.stderr}"
        printed = done.stdout


def _constant(text: str) -> str:
    lines = (VARIES.sub("...", line).rstrip() for line in text.splitlines())
    return "\n".join(lines).strip("\n")


def test_the_counterexample_is_the_one_that_is_found() -> None:
    """The page shows a handler that is broken, and what is told of it."""
    shown, told = blocks(VERIFY, "python")[-1], blocks(VERIFY, "text")[-1]
    assert told.words == COUNTEREXAMPLE
    assert shown.text in Path(broken.__file__ or "").read_text()
    books = broken.Books()
    verify_saga = SagaVerifier(as_text, Surroundings)
    with pytest.raises(LawBroken) as caught:
        verify_saga(
            broken.NoTombstone,
            handlers="real",
            resources={"books": books},
            prepare=books.clear,
            stands=books.stands,
            only=["pay=lands late"],
        )
    assert _constant(str(caught.value)) == _constant(told.text)


def test_the_index_names_every_page() -> None:
    """A page that nobody finds is not read."""
    linked = re.findall(r"\]\(([\w-]+\.md)\)", (GUIDE / "README.md").read_text())
    assert sorted(linked) == sorted(EVERY)
    assert {page.name for page in GUIDE.glob("*.md")} == {"README.md", *linked}


@pytest.mark.parametrize("page", ["README.md", *EVERY])
def test_links_lead_somewhere(page: str) -> None:
    """Files that a page links to are there."""
    for target in re.findall(r"\]\(([^)#]+)\)", (GUIDE / page).read_text()):
        assert (GUIDE / target).exists(), target
