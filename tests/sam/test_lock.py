"""What a lock file says, whatever is written around it."""

from __future__ import annotations

import pytest

from stepsaga.cli.new import project
from stepsaga.sam.functions import LAYER_LOCK
from stepsaga.sam.lock import requirements_of
from tests.sam.projects import ROOT

PLAIN = "a==1 --hash=sha256:1 --hash=sha256:2"


@pytest.mark.parametrize(
    "text",
    [
        "a==1 \\\n    --hash=sha256:1 \\\n    --hash=sha256:2\n",
        "a==1 \\\r\n    --hash=sha256:1 \\\r\n    --hash=sha256:2\r\n",
        "# what a is for\n\na==1   --hash=sha256:1\t--hash=sha256:2  # via b",
        "    # indented\na==1 --hash=sha256:1 --hash=sha256:2",
    ],
)
def test_layout_and_comments_say_nothing(text: str) -> None:
    """However it is laid out and commented, the same pins are the same."""
    assert requirements_of(text) == [PLAIN]


@pytest.mark.parametrize(
    "text",
    [
        "a==2 --hash=sha256:1 --hash=sha256:2",
        "a==1 --hash=sha256:1",
        "a==1 --hash=sha256:1 --hash=sha256:3",
        "a==1 ; python_version < '3.12' --hash=sha256:1 --hash=sha256:2",
        "a @ https://x.example/a.whl#sha256=1",
        f"{PLAIN}\nb==1",
        "",
    ],
)
def test_what_is_installed_counts(text: str) -> None:
    """Another version, hash, condition or address is another requirement."""
    assert requirements_of(text) != [PLAIN]
    assert len(requirements_of(text)) == len(text.splitlines())


def test_a_new_project_has_this_one_s_layer() -> None:
    """The lock file that `stepsaga new` writes is the one with which all tests here ran."""
    ours = (ROOT / LAYER_LOCK).read_text(encoding="utf-8")
    theirs = {file.as_posix(): text for file, text in project("rooms", "stepsaga")}[LAYER_LOCK]
    assert ours == theirs


def test_the_order_says_nothing() -> None:
    """The same is installed, whichever stands first."""
    assert requirements_of("a==1\nb==2\n") == requirements_of("b==2\na==1\n")


def test_an_address_keeps_what_follows_its_sharp() -> None:
    """A comment begins behind a blank: the digest in an address is none."""
    assert requirements_of("a @ https://x.example/a.whl#sha256=1") == [
        "a @ https://x.example/a.whl#sha256=1"
    ]
