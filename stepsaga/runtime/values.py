"""JSON at the border: arguments read from it, results written to it, each exactly or not at all."""

from __future__ import annotations

import inspect
import math
import re
from collections import deque
from functools import cached_property
from typing import TYPE_CHECKING, Any, Final

from pydantic import Secret, SecretBytes, SecretStr, TypeAdapter, ValidationError
from pydantic.json_schema import GenerateJsonSchema
from pydantic_core import PydanticSerializationError, to_json, to_jsonable_python

from stepsaga.runtime.sensitive import sensitive_values
from stepsaga.runtime.texts import class_text, fields_in, fields_text

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pydantic.json_schema import JsonSchemaValue, JsonSchemaWarningKind
    from pydantic_core import core_schema

_STARS: Final = "**********"
"""What pydantic writes for a secret."""
_SECRETS: Final = (SecretStr, SecretBytes, Secret)
_LISTS: Final = (list, tuple, set, frozenset, deque)


class Unfit(Exception):  # never leaves the runtime; it says what is wrong with a value
    """A value does not fit its type, or cannot be JSON. The text holds no values.

    Attributes:
        fields: What pydantic found wrong, by field, where it is that.
    """

    def __init__(self, text: str, fields: tuple[tuple[str, str], ...] = ()) -> None:
        super().__init__(text)
        self.fields = fields


def compact(value: Any) -> bytes:
    """A JSON value as compact UTF-8 text.

    Raises:
        Unfit: It holds text that no UTF-8 can hold (lone surrogates).
    """
    try:
        return to_json(value, inf_nan_mode="constants")
    except ValueError as error:
        raise Unfit("it holds text that is not valid Unicode") from error


def same(left: Any, right: Any) -> bool:
    """Equality of JSON values: ``true`` is not ``1``, ``1`` is ``1.0``."""
    if isinstance(left, bool) or isinstance(right, bool):
        return left is right
    if isinstance(left, list) and isinstance(right, list):
        return len(left) == len(right) and all(map(same, left, right))
    if isinstance(left, dict) and isinstance(right, dict):
        return left.keys() == right.keys() and all(same(left[key], right[key]) for key in left)
    return bool(left == right)


class JsonType:
    """A Python type, and how its values come from JSON and become JSON.

    Everything is built when it is first needed, and kept.

    Args:
        annotation: The type; `inspect.Parameter.empty` stands for any.
    """

    def __init__(self, annotation: Any) -> None:
        self._annotation = Any if annotation is inspect.Parameter.empty else annotation

    @cached_property
    def _adapter(self) -> TypeAdapter[Any]:
        return TypeAdapter(self._annotation)

    @cached_property
    def _schema(self) -> Mapping[str, Any]:
        return self._adapter.json_schema(schema_generator=_LenientSchema)

    @property
    def schema(self) -> Mapping[str, Any]:
        """The JSON schema of what is read; a part of the type that has none is anything."""
        return self._schema

    def read(self, name: str, value: Any) -> Any:
        """A JSON value as the type has it.

        Args:
            name: What messages call it.
            value: As `json.loads` makes it.

        Raises:
            Unfit: Says which fields are wrong, in pydantic's words.
        """
        try:
            return self._adapter.validate_json(compact(value))
        except ValidationError as error:
            raise Unfit(fields_text(name, error), fields_in(error)) from None
        except Unfit as error:
            raise Unfit(f"{name}: {error}") from None
        except Exception as error:  # an author's validator may raise anything
            raise Unfit(f"{name}: {class_text(type(error))} while it was validated") from error

    def write(self, value: Any, name: str = "its result") -> Any:
        """A value as JSON values: by alias, nothing excluded, secrets as they are (rule 24).

        Args:
            value: Of the type, or what pydantic makes one of.
            name: What messages call it.

        Raises:
            Unfit: It does not fit the type, or is not JSON.
        """
        try:
            return self._write(self._adapter.validate_python(value))
        except ValidationError as error:
            raise Unfit(fields_text(name, error)) from None
        except PydanticSerializationError as error:
            raise Unfit(f"{name} is not JSON: {_unserializable(error)}") from None
        except Unfit as error:
            raise Unfit(f"{name}: {error}") from None
        except Exception as error:  # an author's serializer may raise anything
            raise Unfit(f"{name} is not JSON: {class_text(type(error))}") from error

    def _write(self, value: Any) -> Any:
        exact, secrets = self._dump(value)
        if secrets and self._again(exact) != exact:
            raise Unfit("a secret in it would not be the same for the next step")
        return exact

    def _again(self, exact: Any) -> Any:
        """What a next step of the same type would have."""
        try:
            return self._dump(self._adapter.validate_json(compact(exact)))[0]
        except ValidationError:
            return Unfit

    def _dump(self, value: Any) -> tuple[Any, bool]:
        dumped = self._adapter.dump_python(value, mode="json", by_alias=True, warnings="error")
        plain = self._adapter.dump_python(value, mode="python", by_alias=True, warnings=False)
        reveal = Reveal()
        return reveal(dumped, plain), reveal.secrets

    def sensitive(self, value: Any) -> list[Any]:
        """What in a JSON value of this type must not show; also what became of it when read."""
        found = sensitive_values(value, self._schema)
        try:
            plain = self._adapter.dump_python(
                self._adapter.validate_json(compact(value)), warnings=False
            )
        except Exception:  # noqa: BLE001  # what cannot be read was never more than its text
            return found
        return found + secrets_in(plain)


class Reveal:
    """Puts back what pydantic's JSON mode hides or loses, by walking both of its modes at once.

    JSON mode writes asterisks for secrets, and null for NaN where no type says that it is a float.
    """

    def __init__(self) -> None:
        self.secrets = False

    def __call__(self, dumped: Any, plain: Any) -> Any:
        """The JSON value with secrets as they are.

        Args:
            dumped: What ``mode="json"`` gave.
            plain: What ``mode="python"`` gave.

        Raises:
            Unfit: A secret is no text, its place cannot be told, or a float is not finite.
        """
        if isinstance(plain, _SECRETS):
            self.secrets = True
            return _opened(plain)
        if isinstance(dumped, dict | list):
            return self._container(dumped, plain)
        if isinstance(plain, float) and not math.isfinite(plain) and not isinstance(dumped, str):
            raise Unfit("NaN and infinity are not JSON; return None or a text instead")
        if dumped == _STARS and plain != _STARS:
            raise Unfit("a serializer of its own turns a secret into asterisks")
        return dumped

    def _container(self, dumped: dict[str, Any] | list[Any], plain: Any) -> Any:
        if isinstance(dumped, dict) and isinstance(plain, dict) and len(dumped) == len(plain):
            pairs = zip(dumped.items(), plain.values(), strict=True)
            return {key: self(item, twin) for (key, item), twin in pairs}
        if isinstance(dumped, list) and isinstance(plain, _LISTS) and len(dumped) == len(plain):
            return [self(item, twin) for item, twin in zip(dumped, plain, strict=True)]
        if secrets_in(plain):
            raise Unfit("a serializer of its own hides where a secret belongs")
        return dumped


def secrets_in(plain: Any) -> list[Any]:
    """The contents of pydantic secrets in what ``mode="python"`` gave."""
    if isinstance(plain, _SECRETS):
        value = plain.get_secret_value()
        return [value.decode("utf-8", "replace") if isinstance(value, bytes) else value]
    if isinstance(plain, dict):
        return [secret for item in plain.values() for secret in secrets_in(item)]
    if isinstance(plain, _LISTS):
        return [secret for item in plain for secret in secrets_in(item)]
    return []


def _opened(secret: SecretStr | SecretBytes | Secret[Any]) -> Any:
    value = secret.get_secret_value()
    try:
        return value.decode() if isinstance(value, bytes) else to_jsonable_python(value)
    except ValueError:
        raise Unfit("a secret in it is no text; keep it as base64") from None


def _unserializable(error: PydanticSerializationError) -> str:
    """What pydantic says, without the value that it shows."""
    text = str(error)
    field = re.search(r"field_name='([^']*)'", text)
    expected = re.search(r"Expected `([^`]*)`", text)
    if field and expected:
        return f"field {field[1]} is not {expected[1]}"
    if text.startswith(("Unable to serialize unknown type", "Circular reference")):
        return text.splitlines()[0]
    return "a field cannot be written"


class _LenientSchema(GenerateJsonSchema):
    """A JSON schema also where a part of the type has none: that part is said to be anything."""

    def handle_invalid_for_json_schema(
        self,
        schema: core_schema.CoreSchema,  # noqa: ARG002  # pydantic's signature
        error_info: str,  # noqa: ARG002  # pydantic's signature
    ) -> JsonSchemaValue:
        return {}

    def emit_warning(self, kind: JsonSchemaWarningKind, detail: str) -> None:
        pass
