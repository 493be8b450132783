"""Where committed releases are: in a folder, or at a revision of git.

``statemachines/fulfil_order.release.json`` is what the source says; `stepsaga compile` writes it.
``statemachines/released/fulfil_order.9f3c2d1e0a4b.json`` is what was deployed and may still run, or
have to be undone; `stepsaga release` adds to it, and only a person takes from it.
"""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING, Final

from stepsaga.asl.names import DEFINITIONS, RELEASED, snake
from stepsaga.compat.releases import read_release
from stepsaga.errors import UsageError

if TYPE_CHECKING:
    from stepsaga.compat.releases import Release

ENDING: Final = ".release.json"


def release_file(saga: str) -> str:
    """A saga's release as its source is: ``statemachines/fulfil_order.release.json``."""
    return f"{DEFINITIONS}/{snake(saga)}{ENDING}"


def released_file(release: Release) -> str:
    """A release that was deployed: ``statemachines/released/fulfil_order.9f3c2d1e0a4b.json``."""
    return f"{RELEASED}/{snake(release.saga)}.{release.mark}.json"


def released(root: Path) -> list[Release]:
    """What a project has released, and may still run.

    Raises:
        UsageError: A file is no release, or not the one that its name says.
    """
    found = []
    for path in sorted((root / RELEASED).glob("*.json")):
        release = read_release(path.read_text(encoding="utf-8"), f"{RELEASED}/{path.name}")
        if path.name != Path(released_file(release)).name:
            raise UsageError(
                f"{RELEASED}/{path.name} is not what was written: it holds {release.mark} of"
                f" {release.saga}. Restore it: what is running is not changed by a file"
            )
        found.append(release)
    return found


def committed(place: str, root: Path) -> list[Release]:
    """The releases in a folder, or at a revision of git.

    Args:
        place: A project's folder, its ``statemachines``, or what `git rev-parse` takes.
        root: The project.

    Raises:
        UsageError: There is no such place, or no releases in it.
    """
    folder = Path(place) if Path(place).is_absolute() else root / place
    texts = _in_folder(folder) if folder.is_dir() else _at_revision(place, root)
    if not texts:
        raise UsageError(
            f"{place} has no {DEFINITIONS}/*{ENDING}: `stepsaga compile` writes them; commit them"
        )
    return [read_release(text, name) for name, text in texts.items()]


def _in_folder(folder: Path) -> dict[str, str]:
    inner = folder / DEFINITIONS
    paths = sorted((inner if inner.is_dir() else folder).glob(f"*{ENDING}"))
    return {str(path): path.read_text(encoding="utf-8") for path in paths}


def _at_revision(revision: str, root: Path) -> dict[str, str]:
    known = _git(
        root, "rev-parse", "--verify", "--quiet", "--end-of-options", f"{revision}^{{tree}}"
    )
    if known is None:
        raise UsageError(
            f"{revision!r} is neither a folder nor a revision that git knows here (a shallow clone"
            " lacks most: `git fetch origin main`)"
        )
    listed = _git(root, "ls-tree", "--name-only", revision, f"./{DEFINITIONS}/") or ""
    names = [name for name in listed.splitlines() if name.endswith(ENDING)]
    texts = {name: _git(root, "show", f"{revision}:./{name}") for name in names}
    return {f"{revision}:{name}": text for name, text in texts.items() if text is not None}


def _git(root: Path, *arguments: str) -> str | None:
    """What git says; None where it fails."""
    program = shutil.which("git")
    if program is None:
        raise UsageError("there is no git here, so a revision cannot be read: name a folder")
    done = subprocess.run(  # noqa: S603  # a program and arguments, no shell
        [program, *arguments], cwd=root, capture_output=True, check=False
    )
    return done.stdout.decode("utf-8", "replace") if done.returncode == 0 else None
