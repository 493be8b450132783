"""`stepsaga diff` and `stepsaga release` in a project of their own, as a shell runs them."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from typing import TYPE_CHECKING

import pytest

from sagas.orders import FulfilOrder
from stepsaga.asl.names import RELEASED
from stepsaga.authoring import graph_of
from stepsaga.cli.exits import FINE, PROBLEM, USAGE
from stepsaga.compat.acknowledged import FILE, acknowledgements
from stepsaga.compat.places import committed, release_file
from stepsaga.compat.releases import read_release, release_of, text_of
from stepsaga.errors import UsageError
from tests.cli.shell import ROOT, Said, stepsaga

if TYPE_CHECKING:
    from pathlib import Path

HANDLERS = """
from pydantic import BaseModel


class Stay(BaseModel):
    room: str


def hold(stay: Stay) -> str: ...


def free(hold: str | None) -> None: ...


def let_go(hold: str | None) -> None: ...


def tell(stay: Stay) -> None: ...
"""
SAGA = """
from handlers import rooms
from stepsaga import Input, Saga, Step


class Book(Saga):
    stay = Input(rooms.Stay)
    hold = Step(rooms.hold, compensation=rooms.free)
    tell = Step(rooms.tell, retriable=True)
"""


class Folder:
    """A project with one saga."""

    def __init__(self, root: Path) -> None:
        self.root = root
        for name, module, text in (("sagas", "stays", SAGA), ("handlers", "rooms", HANDLERS)):
            (root / name).mkdir()
            (root / name / "__init__.py").touch()
            (root / name / f"{module}.py").write_text(text, "utf-8")

    def call(self, *arguments: str) -> Said:
        """A command in the project."""
        return stepsaga(*arguments, cwd=self.root, env={"PYTHONDONTWRITEBYTECODE": "1"})

    def change(self, file: str, old: str, new: str) -> None:
        """Replace a part of a file."""
        path = self.root / file
        text = path.read_text("utf-8")
        assert old in text
        path.write_text(text.replace(old, new), "utf-8")

    def lose_a_compensation(self) -> None:
        """What running sagas would be undone by is gone."""
        self.change("handlers/rooms.py", "def free(hold: str | None) -> None: ...", "")
        self.change("sagas/stays.py", "rooms.free", "rooms.let_go")


@pytest.fixture
def folder(tmp_path: Path) -> Folder:
    """A project that nobody has changed."""
    return Folder(tmp_path)


def test_a_release_is_recorded_once_and_compared_with(folder: Folder) -> None:
    """What is released is written once and never again; unchanged, nothing differs from it."""
    before = folder.call("diff")
    assert before.code == FINE
    assert "run `stepsaga release` when you deploy" in before.out
    said = folder.call("release")
    [file] = (folder.root / RELEASED).iterdir()
    assert said.out == f"recorded  {RELEASED}/{file.name}\n"
    text = file.read_text("utf-8")
    assert folder.call("release").out == f"there     {RELEASED}/{file.name}\n"
    assert file.read_text("utf-8") == text
    assert folder.call("diff") == Said(FINE, "compared with 1 release: no difference\n", "")


def test_a_break_fails_until_it_is_acknowledged(folder: Folder) -> None:
    """A break is told with its place, and the words that acknowledge it; with them it passes."""
    folder.call("release")
    folder.lose_a_compensation()
    said = folder.call("diff")
    assert said.code == PROBLEM
    assert "S703 Book.hold: handlers.rooms:free is gone" in said.out
    assert "sagas/stays.py:" in said.out
    assert "for sagas that are undone, since " in said.out
    assert said.out.endswith(
        "compared with 1 release: 1 break; docs/errors.md explains each code\n"
    )
    words = said.out[said.out.index("[[acknowledged]]") : said.out.index("compared with")]
    (folder.root / FILE).write_text(words.replace('why = ""', 'why = "drained"'), "utf-8")
    said = folder.call("diff")
    assert said.code == FINE
    assert "acknowledged" in said.out
    assert "why: drained" in said.out


def test_for_machines(folder: Folder) -> None:
    """The JSON form has every finding, and the releases with which the source was compared."""
    folder.call("release")
    folder.lose_a_compensation()
    said = folder.call("diff", "--json")
    assert said.code == PROBLEM
    found = json.loads(said.out)
    [one] = found["findings"]
    assert (one["code"], one["subject"], one["weight"]) == ("S703", "Book.hold", "break")
    assert one["releases"] == [found["releases"][0]["release"]]
    assert one["acknowledged"] is None
    assert one["file"].endswith("sagas/stays.py")
    assert found["stale"] == []


def test_each_release_is_acknowledged_for_itself(folder: Folder) -> None:
    """A word for one release says nothing of the next, in which the same may still be running."""
    folder.call("release")
    [first] = (folder.root / RELEASED).iterdir()
    folder.change("sagas/stays.py", "rooms.tell,", "rooms.tell, takes={'stay': stay},")
    folder.call("release")
    folder.lose_a_compensation()
    mark = first.name.split(".")[1]
    (folder.root / FILE).write_text(
        '[[acknowledged]]\ncode = "S703"\nsubject = "Book.hold"\n'
        f'releases = ["{mark}"]\nwhy = "x"\n'
    )
    said = folder.call("diff")
    assert said.code == PROBLEM
    assert "compared with 2 releases: 1 break" in said.out
    first.unlink()
    assert "acknowledges S703 Book.hold" in folder.call("diff").err


def test_a_stale_acknowledgement_fails(folder: Folder) -> None:
    """What is acknowledged and not found is an error, so that it never hides a later break."""
    folder.call("release")
    (folder.root / FILE).write_text(
        '[[acknowledged]]\ncode = "S703"\nsubject = "Book.hold"\nreleases = ["0"]\nwhy = "x"\n'
    )
    said = folder.call("diff")
    assert said.code == PROBLEM
    assert "acknowledges S703 Book.hold in 0, where it is not found: take it out" in said.err
    assert json.loads(folder.call("diff", "--json").out)["stale"][0]["release"] == "0"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("[[acknowledged]]\n", "entry 1: give code, subject, releases, why"),
        ("acknowledged = 1\n", "with two brackets"),
        ("[other]\n", "has other; it holds"),
        ("[[", "is no TOML"),
        ('code="S402"\nsubject="A"\nreleases=["1"]\nwhy="x"', "'S402' is no code"),
        ('code="S703"\nsubject="A"\nreleases=[]\nwhy="x"', "releases is a list of the marks"),
        ('code="S703"\nsubject="A"\nreleases=["1"]\nwhy=" "', "why is empty"),
    ],
)
def test_an_acknowledgement_that_is_none(tmp_path: Path, text: str, said: str) -> None:
    """What a reviewer could not understand is refused, with the place and what to write."""
    (tmp_path / FILE).parent.mkdir()
    head = "[[acknowledged]]\n" if text.startswith("code") else ""
    (tmp_path / FILE).write_text(head + text, "utf-8")
    with pytest.raises(UsageError, match=said.replace("[", r"\[")):
        acknowledgements(tmp_path)


def test_the_guide_shows_an_acknowledgement(tmp_path: Path) -> None:
    """What the guide says to write is read as it is meant."""
    text = (ROOT / "docs/guide/releases.md").read_text("utf-8")
    [block] = re.findall(r"^```toml\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)
    (tmp_path / FILE).parent.mkdir()
    (tmp_path / FILE).write_text(block, "utf-8")
    [one] = acknowledgements(tmp_path)
    assert (one.code, one.subject) == ("S703", "FulfilOrder.charge")


def test_a_release_that_was_edited_is_refused(folder: Folder) -> None:
    """What runs is not changed by a file: one that is not what its name says is no release."""
    folder.call("release")
    [file] = (folder.root / RELEASED).iterdir()
    folder.change(f"{RELEASED}/{file.name}", '"handlers.rooms:free"', '"handlers.rooms:let_go"')
    said = folder.call("diff")
    assert said.code == USAGE
    assert "is not what was written" in said.err
    file.write_text("{}", "utf-8")
    assert "is no release of a saga: KeyError: 'format'" in folder.call("diff").err


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    """A repository whose second commit has a release, below a folder that is not its top."""
    release = text_of(release_of(graph_of(FulfilOrder)))
    project = tmp_path / "shop"
    file = project / release_file("FulfilOrder")
    file.parent.mkdir(parents=True)
    git(tmp_path, "init", "-q", "-b", "main")
    git(tmp_path, "commit", "-q", "--allow-empty", "-m", "empty")
    file.write_text(release, "utf-8")
    git(tmp_path, "add", "-A")
    git(tmp_path, "commit", "-q", "-m", "one")
    file.write_text("{}", "utf-8")
    return project


def git(folder: Path, *arguments: str) -> None:
    """Git, as somebody."""
    program = shutil.which("git")
    assert program
    command = [program, "-c", "user.name=a", "-c", "user.email=a@example.com", *arguments]
    subprocess.run(command, cwd=folder, check=True, capture_output=True)  # noqa: S603  # as said


@pytest.mark.parametrize("place", ["main", "HEAD", "kept", "kept/statemachines"])
def test_a_revision_or_a_folder_has_releases(repository: Path, place: str) -> None:
    """A side is read as it was committed, whatever the files say now; or from any folder."""
    kept = repository / "kept" / release_file("FulfilOrder")
    kept.parent.mkdir(parents=True)
    kept.write_text(text_of(release_of(graph_of(FulfilOrder))), "utf-8")
    [release] = committed(place, repository)
    assert release.form == release_of(graph_of(FulfilOrder)).form


@pytest.mark.parametrize(
    ("place", "said"),
    [
        ("main~1", r"main~1 has no statemachines/\*.release.json"),
        ("nowhere", "neither a folder nor a revision that git knows here"),
        ("--output=x", "neither a folder nor a revision"),
        (".", "is no release of a saga: KeyError: 'format'"),
    ],
)
def test_a_place_without_releases(repository: Path, place: str, said: str) -> None:
    """Where there is nothing to compare with, it is said what is missing."""
    with pytest.raises(UsageError, match=said):
        committed(place, repository)


def test_a_form_of_a_later_stepsaga_is_refused() -> None:
    """What a later stepsaga wrote is refused by its number, not misread."""
    with pytest.raises(UsageError, match="it has format 2, this release of stepsaga reads 1"):
        read_release('{"format": 2}', "it")


def test_two_sides_that_are_committed(folder: Folder) -> None:
    """Both sides may be named; what only the source could tell is a note, and no failure."""
    folder.call("compile")
    shutil.copytree(folder.root / "statemachines", folder.root / "kept")
    folder.lose_a_compensation()
    folder.call("compile")
    both = folder.call("diff", "kept", ".")
    assert both.code == FINE
    assert "whether handlers.rooms:free is still there cannot be told" in both.out


def test_compile_writes_what_reviews_compare(folder: Folder) -> None:
    """A release stands beside each definition; one that is stale, or of no saga, is told."""
    folder.call("compile")
    file = folder.root / "statemachines/book.release.json"
    assert json.loads(file.read_text("utf-8"))["saga"] == "Book"
    folder.change("handlers/rooms.py", "room: str", "room: str = ''")
    stale = folder.call("compile", "--check")
    assert stale.code == PROBLEM
    assert "statemachines/book.release.json is stale" in stale.err
    other = file.with_name("other.release.json")
    shutil.copy(file, other)
    assert "removed   statemachines/other.release.json" in folder.call("compile").out
    assert not other.exists()
