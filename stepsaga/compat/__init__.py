"""What a new release means for sagas that are running, and for events that are stored.

releases   a release as data, committed beside its definition
code       what the new release's functions run
rules      old calls meet new code: one function a rule
inclusion  whether what was written under one JSON schema is read under another
"""

from __future__ import annotations

from stepsaga.compat.codes import CODES
from stepsaga.compat.compare import compare

__all__ = ["CODES", "compare"]
