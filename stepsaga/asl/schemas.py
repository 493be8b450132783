"""JSON schemas as what they accept: without what only explains."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

ANNOTATIONS: Final = frozenset({"title", "description", "examples", "deprecated", "$comment"})
"""Keywords of JSON schema that say nothing about what is valid.
https://json-schema.org/draft/2020-12/json-schema-validation#section-9"""

_NAMED: Final = frozenset(
    {"properties", "patternProperties", "$defs", "definitions", "dependentSchemas", "mapping"}
)
"""Keywords whose keys are names, so that a field called ``title`` is no annotation."""

_VALUES: Final = frozenset({"const", "enum", "default"})
"""Keywords that hold values, not schemas."""


def bare_schema(schema: Any) -> Any:
    """A JSON schema without titles and descriptions, so that a docstring changes nothing.

    Defaults of sets are sorted: pydantic writes them in the order of their hashes.
    """
    if isinstance(schema, list):
        return [bare_schema(item) for item in schema]
    if not isinstance(schema, Mapping):
        return schema
    bare: dict[str, Any] = {}
    for key, value in schema.items():
        if key in ANNOTATIONS:
            continue
        if key in _NAMED and isinstance(value, Mapping):
            bare[key] = {name: bare_schema(item) for name, item in value.items()}
        elif key == "default" and schema.get("uniqueItems") and isinstance(value, list):
            bare[key] = sorted(value, key=repr)
        else:
            bare[key] = value if key in _VALUES else bare_schema(value)
    return bare
