"""The fields of models, dataclasses and typed dictionaries, as they stand in JSON."""

from __future__ import annotations

import dataclasses
import difflib
import functools
import typing
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any, get_origin

from pydantic import AliasChoices, AliasPath, BaseModel
from pydantic.dataclasses import is_pydantic_dataclass
from pydantic.fields import FieldInfo

from stepsaga.checks.annotations import bare, is_custom

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping


@dataclass(frozen=True, slots=True)
class Field:
    """One field.

    Attributes:
        annotation: Its type.
        required: Whether reading fails without it.
        reads: The keys it is read from; none for what is only written.
        writes: The key it is written under; none for what is left out.
        written: Whether the key is always there when the whole is written.
    """

    annotation: Any
    required: bool
    reads: tuple[str, ...]
    writes: tuple[str, ...]
    written: bool = True


def fields_of(annotation: Any) -> Mapping[str, Field] | None:
    """The fields of a structured type by their Python names; None for any other type.

    None also where the type's JSON is not made of its fields, or its own hints cannot be read.
    """
    kind = bare(annotation)
    kind = get_origin(kind) or kind
    return _fields_of(kind) if isinstance(kind, type) else None


@functools.lru_cache(maxsize=4096)
def _fields_of(kind: type) -> Mapping[str, Field] | None:
    if issubclass(kind, BaseModel):
        if kind.__pydantic_decorators__.model_serializers:
            return None
        return _infos(kind, kind.model_fields) | _computed(kind)
    if is_pydantic_dataclass(kind):
        return _infos(kind, kind.__pydantic_fields__)
    return _hinted(kind)


def _hinted(kind: type) -> Mapping[str, Field] | None:
    """The fields of a plain dataclass or a TypedDict, by its hints."""
    try:
        hints = typing.get_type_hints(kind, include_extras=True)
    except Exception:  # noqa: BLE001  # hints are any expression; pydantic will say what is wrong
        return None
    if "__pydantic_config__" in vars(kind) or any(map(_has_alias, hints.values())):
        return None  # pydantic may read and write other names
    if dataclasses.is_dataclass(kind):
        return {field.name: _dataclass_field(field, hints) for field in dataclasses.fields(kind)}
    if not issubclass(kind, dict) or "__required_keys__" not in vars(kind):
        return None
    always: frozenset[str] = vars(kind)["__required_keys__"]  # a TypedDict
    return {
        name: Field(hint, name in always, (name,), (name,), written=name in always)
        for name, hint in hints.items()
    }


def reads_anything(annotation: Any) -> bool:
    """Whether a model rearranges what it reads, so that its fields do not tell what fits."""
    kind = bare(annotation)
    if not (isinstance(kind, type) and issubclass(kind, BaseModel)):
        return False
    validators = kind.__pydantic_decorators__.model_validators.values()
    return any(validator.info.mode in {"before", "wrap"} for validator in validators)


def writes_anything(annotation: Any) -> bool:
    """Whether a model writes itself by a function of its own."""
    kind = bare(annotation)
    if not (isinstance(kind, type) and issubclass(kind, BaseModel)):
        return False
    return bool(kind.__pydantic_decorators__.model_serializers)


def forbids_more(annotation: Any) -> bool:
    """Whether a model refuses keys that it does not know."""
    return _extra(annotation) == "forbid"


def keeps_more(annotation: Any) -> bool:
    """Whether a model keeps, and writes, keys that it does not know."""
    return _extra(annotation) == "allow"


def _extra(annotation: Any) -> object:
    kind = bare(annotation)
    config = getattr(kind, "model_config", None) or getattr(kind, "__pydantic_config__", None)
    return config.get("extra") if isinstance(config, dict) else None


def did_you_mean(name: str, names: Iterable[str]) -> str:
    """A question with the nearest of the names, or nothing."""
    near = difflib.get_close_matches(name, list(names), n=1)
    return f"did you mean {near[0]!r}?" if near else ""


def _dataclass_field(field: dataclasses.Field[Any], hints: Mapping[str, Any]) -> Field:
    required = (
        field.init
        and field.default is dataclasses.MISSING
        and field.default_factory is dataclasses.MISSING
    )
    reads = (field.name,) if field.init else ()
    return Field(hints[field.name], required, reads, (field.name,))


def _has_alias(hint: Any) -> bool:
    metadata = getattr(hint, "__metadata__", ())
    return any(isinstance(one, FieldInfo) for one in metadata)


def _infos(kind: Any, infos: Mapping[str, FieldInfo]) -> dict[str, Field]:
    config = getattr(kind, "model_config", None) or getattr(kind, "__pydantic_config__", {})
    by_name = bool(config.get("populate_by_name") or config.get("validate_by_name"))
    by_alias = config.get("validate_by_alias") is not False
    custom = _custom_fields(kind)
    found = {}
    for name, info in infos.items():
        reads = (_keys(info.validation_alias) if by_alias else ()) or (name,)
        if by_name and name not in reads:
            reads = (*reads, name)
        if info.init is False:
            reads = ()
        writes = () if info.exclude else (info.serialization_alias or name,)
        own = name in custom or "*" in custom or is_custom(info.metadata)
        annotation: Any = Any if own else info.annotation
        if not own and info.metadata:
            annotation = Annotated[(annotation, *info.metadata)]
        found[name] = Field(annotation, info.is_required(), reads, writes)
    return found


def _computed(model: type[BaseModel]) -> dict[str, Field]:
    return {
        name: Field(
            computed.return_type, required=False, reads=(), writes=(computed.alias or name,)
        )
        for name, computed in model.model_computed_fields.items()
    }


def _custom_fields(kind: Any) -> set[str]:
    """The fields that a model reads or writes by functions of its own."""
    decorators = kind.__pydantic_decorators__
    readers = [
        one.info.fields for one in decorators.field_validators.values() if one.info.mode != "after"
    ]
    writers = [one.info.fields for one in decorators.field_serializers.values()]
    return {name for fields in (*readers, *writers) for name in fields}


def _keys(alias: str | AliasPath | AliasChoices | None) -> tuple[str, ...]:
    match alias:
        case str():
            return (alias,)
        case AliasChoices():
            return tuple(choice for choice in alias.choices if isinstance(choice, str))
        case _:
            return ()
