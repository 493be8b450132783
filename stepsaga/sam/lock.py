"""A lock file of pip's, read: what it installs, whatever is written around that."""

from __future__ import annotations

import re
from typing import Final

_GOES_ON: Final = re.compile(r"\\\r?\n")
_COMMENT: Final = re.compile(r"(^|\s)#.*$")
"""As pip has it: https://pip.pypa.io/en/stable/reference/requirements-file-format/#comments."""


def requirements_of(text: str) -> list[str]:
    """The requirements with their hashes, a line each, sorted; comments and layout left out."""
    lines = (_COMMENT.sub("", line) for line in _GOES_ON.sub(" ", text).splitlines())
    return sorted(" ".join(line.split()) for line in lines if line.strip())
