"""JSON schemas that also say what JSON schema cannot: what pydantic does besides.

Three keywords of our own stand beside the usual ones:

    $beyond   what a reader asks for that no keyword tells: functions of an author's own, each with
              a digest of its text; strictness; the bounds of decimals and times
    $also     by a field's key the other keys that it is read from
    $untold   of what is written: a function of an author's own writes it, and does not say what
"""

from __future__ import annotations

import functools
import hashlib
import inspect
import textwrap
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from pydantic import AliasPath, TypeAdapter
from pydantic.json_schema import GenerateJsonSchema

from stepsaga.asl.schemas import bare_schema
from stepsaga.checks.fields import fields_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from pydantic.json_schema import JsonSchemaMode, JsonSchemaValue, JsonSchemaWarningKind
    from pydantic_core import core_schema

BEYOND: Final = "$beyond"
ALSO: Final = "$also"
UNTOLD: Final = "$untold"
DEFS: Final = "$defs"

_NUMBERS: Final = frozenset({"ge", "gt", "le", "lt", "multiple_of"})
_SHOWN: Final[Mapping[str, frozenset[str]]] = {
    "int": _NUMBERS,
    "float": _NUMBERS,
    "str": frozenset({"pattern", "max_length", "min_length"}),
    "bytes": frozenset({"max_length", "min_length"}),
    "decimal": frozenset(),
    "date": frozenset(),
    "datetime": frozenset(),
    "time": frozenset(),
    "timedelta": frozenset(),
    "uuid": frozenset(),
    "url": frozenset({"max_length"}),
    "multi-host-url": frozenset({"max_length"}),
}
"""The constraints of simple types that their JSON schema shows, by pydantic-core's names."""
_SILENT: Final = frozenset(
    {"type", "ref", "metadata", "serialization", "strict", "microseconds_precision"}
    | {"allow_inf_nan", "regex_engine"}
)
"""Keys of simple types that refuse nothing that is JSON."""
_SETTINGS: Final = (
    "coerce_numbers_to_str",
    "str_max_length",
    "str_min_length",
    "str_strip_whitespace",
    "str_to_lower",
    "str_to_upper",
    "strict",
    "val_json_bytes",
)
"""Settings of a model that change what it reads, and stand in no schema."""


@dataclass(frozen=True, slots=True)
class Schema:
    """A JSON schema, and the definitions that it refers to."""

    schema: Mapping[str, Any]
    definitions: Mapping[str, Any] = field(default_factory=dict)


def schemas_of(
    types: Iterable[tuple[str, JsonSchemaMode, Any]],
) -> tuple[dict[str, dict[str, Any]], dict[str, Any]]:
    """The schemas of types by their keys, and the definitions that they share.

    Args:
        types: A key, ``"validation"`` for what is read or ``"serialization"`` for what is written,
            and the type.
    """
    wanted = [(key, mode, TypeAdapter(annotation)) for key, mode, annotation in types]
    found, shared = TypeAdapter.json_schemas(wanted, schema_generator=_Telling)
    schemas = {key: bare_schema(schema) for (key, _), schema in found.items()}
    return dict(sorted(schemas.items())), bare_schema(shared.get(DEFS, {}))


class _Telling(GenerateJsonSchema):
    """Says of every type what its schema leaves out."""

    def generate_inner(self, schema: Any) -> JsonSchemaValue:
        found = super().generate_inner(schema)
        if self.mode == "serialization":
            return {**found, UNTOLD: True} if _untold(schema) else found
        beyond = {*found.get(BEYOND, ()), *_beyond(schema)}
        return {**found, BEYOND: sorted(beyond)} if beyond else found

    def model_schema(self, schema: core_schema.ModelSchema) -> JsonSchemaValue:
        return self._with_keys(super().model_schema(schema), schema["cls"])

    def dataclass_schema(self, schema: core_schema.DataclassSchema) -> JsonSchemaValue:
        return self._with_keys(super().dataclass_schema(schema), schema["cls"])

    def _with_keys(self, found: JsonSchemaValue, kind: type) -> JsonSchemaValue:
        if self.mode == "serialization":
            return found
        others = dict(_other_keys(kind, found.get("properties", {})))
        beyond = {*found.get(BEYOND, ()), *_paths(kind)}
        more = {ALSO: others} if others else {}
        return found | more | ({BEYOND: sorted(beyond)} if beyond else {})

    def field_is_required(self, field: Any, total: bool) -> bool:
        if self.mode != "serialization" or field["type"] == "typed-dict-field":
            return super().field_is_required(field, total)
        # Nothing is excluded when it is written (rule 24), but by the model itself.
        return not (field.get("serialization_exclude") or field.get("serialization_exclude_if"))

    def handle_invalid_for_json_schema(self, schema: Any, error_info: str) -> JsonSchemaValue:
        del schema
        return {UNTOLD: True} if self.mode == "serialization" else {BEYOND: [error_info]}

    def emit_warning(self, kind: JsonSchemaWarningKind, detail: str) -> None:
        pass


def _beyond(schema: Mapping[str, Any]) -> Iterator[str]:
    kind = schema["type"]
    if kind.startswith("function-") and not _is_pydantics(function := _function(schema)):
        yield _named(function)
    if kind == "tagged-union" and callable(schema["discriminator"]):
        yield _named(schema["discriminator"])
    if schema.get("strict") is True:
        yield "strict"
    if kind == "decimal":
        yield "a decimal"  # its schema takes any text
    for key in sorted(schema.keys() - _SILENT - _SHOWN[kind]) if kind in _SHOWN else ():
        yield f"{key}={schema[key]!r}"
    settings = schema.get("config") or {}
    for key in _SETTINGS:
        if settings.get(key):
            yield f"{key}={settings[key]!r}"


def _untold(schema: Mapping[str, Any]) -> bool:
    """Whether a function writes the value, and its annotations do not say what."""
    writer = schema.get("serialization") or {}
    if writer.get("type") == "any":
        return True
    return (
        writer.get("type") in {"function-plain", "function-wrap"}
        and not writer.get("return_schema")
        and not _is_pydantics(writer["function"])
    )


def _other_keys(kind: type, properties: Mapping[str, Any]) -> Iterator[tuple[str, list[str]]]:
    for one in (fields_of(kind) or {}).values():
        own = next((key for key in one.reads if key in properties), None)
        if own is not None and len(one.reads) > 1:
            yield own, sorted(key for key in one.reads if key != own)


def _paths(kind: type) -> Iterator[str]:
    """Fields that are read from below another key."""
    for name, info in getattr(kind, "model_fields", {}).items():
        alias = getattr(info, "validation_alias", None)
        if any(isinstance(one, AliasPath) for one in getattr(alias, "choices", [alias])):
            yield f"{name} by a path"


def _function(schema: Mapping[str, Any]) -> Any:
    function = schema["function"]
    return function["function"] if isinstance(function, dict) else function


def _is_pydantics(function: Any) -> bool:
    while isinstance(function, functools.partial):
        function = function.func
    module = getattr(function, "__module__", None) or type(function).__module__
    # What is there applies an author's predicates.
    ours = module.partition(".")[0] in {"pydantic", "pydantic_core"}
    return ours and module != "pydantic._internal._known_annotated_metadata"


def _named(function: Any) -> str:
    """A function's name, and a digest of its text: another text may refuse other values."""
    function = inspect.unwrap(getattr(function, "__func__", function))
    if isinstance(function, functools.partial):
        given = [*function.args, *function.keywords.values()]
        return " ".join(["partial", _named(function.func), *map(_value, given)])
    kind = type(function)
    name = getattr(function, "__qualname__", kind.__qualname__)
    module = getattr(function, "__module__", kind.__module__)
    try:
        text = textwrap.dedent(inspect.getsource(function))
    except (OSError, TypeError):
        text = ""
    cells = [cell.cell_contents for cell in getattr(function, "__closure__", None) or ()]
    text += " ".join(map(_value, cells))
    return f"{module}:{name} {hashlib.sha256(text.encode()).hexdigest()[:8]}"


def _value(value: Any) -> str:
    """What a function was given, without addresses in memory."""
    inner = getattr(value, "func", value)
    if callable(inner) and not isinstance(inner, type):
        return _named(inner)
    plain = isinstance(value, str | int | float | tuple | frozenset | type(None))
    return repr(value) if plain else type(value).__qualname__
