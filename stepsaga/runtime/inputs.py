"""A saga's input on its way to an execution: checked, brought into one form, compared."""

from __future__ import annotations

import json
from functools import cached_property
from typing import TYPE_CHECKING, Any

from pydantic import BaseModel

from stepsaga.errors import InputInvalid
from stepsaga.limits import DOCUMENT_BYTES
from stepsaga.runtime.values import JsonType, Unfit, compact, same

if TYPE_CHECKING:
    from pydantic.fields import FieldInfo


class SagaInput:
    """The input of one saga. What is expensive is built when it is first needed, and kept.

    Args:
        saga: What messages begin with.
        name: The input's name, which stands before the fields in messages.
        annotation: Its type.
    """

    def __init__(self, saga: str, name: str, annotation: Any) -> None:
        self._saga = saga
        self._name = name
        self._annotation = annotation

    @cached_property
    def _kind(self) -> JsonType:
        return JsonType(self._annotation)

    def read(self, value: Any) -> Any:
        """JSON values as the model has them: what `to_send` then takes.

        Raises:
            InputInvalid: They do not fit. Names fields, no values.
        """
        try:
            return self._kind.read(self._name, value)
        except Unfit as unfit:
            text = f"{self._saga}: {unfit}; nothing was started"
            raise InputInvalid(text, fields=unfit.fields) from None

    def to_send(self, value: Any) -> Any:
        """The JSON values that an execution is started with.

        One form, however the caller has it: the model's JSON, by alias, defaults filled in, secrets
        as they are. So a dict and an instance of the model make the same execution, and a default
        that is made anew each time (``default_factory=uuid4``) is made once, not by every step
        that reads it.

        Args:
            value: An instance of the model, or what makes one: JSON values, or Python's.

        Raises:
            InputInvalid: It does not fit, cannot be JSON, or is too large. Names fields, no values.
        """
        name, kind = self._name, self._kind
        try:
            read = kind.read(name, value) if _is_json(value) else value
            sent = kind.write(read, name)
            kind.read(name, sent)  # as every step will
            size = len(compact(sent))
        except Unfit as unfit:
            text = f"{self._saga}: {unfit}; nothing was started"
            raise InputInvalid(text, fields=unfit.fields) from None
        if size > DOCUMENT_BYTES:
            raise InputInvalid(
                f"{self._saga}: {name} has {size:,} bytes as JSON, over {DOCUMENT_BYTES:,}; keep"
                " what is large elsewhere, in S3 for instance, and say in the input where it is"
            )
        return sent

    def same(self, sent: Any, known: Any, value: Any = None) -> bool:
        """Whether two executions' inputs are the same one, as JSON values.

        Args:
            sent: What `to_send` made.
            value: Of what, where it may be a message that came twice: a default that is another
                each time it is made (``default_factory=uuid4``) makes no other input.
            known: What another execution was started with; perhaps from the console, so that
                defaults are not filled in, or by a release whose model had fewer fields.
        """
        if same(sent, known) or _same_but_made(value, sent, known):
            return True
        try:
            return same(sent, self._kind.write(self._kind.read(self._name, known), self._name))
        except Unfit:
            return False


def differing(sent: Any, known: Any) -> str:
    """Where two inputs differ, in words: names of fields, never values."""
    if not (isinstance(sent, dict) and isinstance(known, dict)):
        return "its value"
    nothing = object()
    names = [
        name
        for name in dict.fromkeys([*sent, *known])
        if not same(sent.get(name, nothing), known.get(name, nothing))
    ]
    return ", ".join(names)


def _same_but_made(value: Any, sent: Any, known: Any) -> bool:
    """Whether two inputs differ in nothing but defaults that are another each time."""
    if isinstance(value, BaseModel) and isinstance(sent, dict) and isinstance(known, dict):
        parts = {
            info.serialization_alias or name: (name, info)
            for name, info in type(value).model_fields.items()
        }
        return sent.keys() == known.keys() and all(
            same(sent[key], known[key])
            or (
                key in parts
                and (
                    _made_anew(value, *parts[key])
                    or _same_but_made(getattr(value, parts[key][0]), sent[key], known[key])
                )
            )
            for key in sent
        )
    if isinstance(value, list | tuple) and isinstance(sent, list) and isinstance(known, list):
        return len(value) == len(sent) == len(known) and all(
            map(_same_but_made, value, sent, known)
        )
    return same(sent, known)


def _made_anew(model: BaseModel, name: str, info: FieldInfo) -> bool:
    """Whether a field has a default that its factory would make otherwise now."""
    if name in model.model_fields_set or info.default_factory is None:
        return False
    try:
        again = info.get_default(call_default_factory=True, validated_data=vars(model))
    except Exception:  # noqa: BLE001  # an author's factory may raise anything
        return False
    return bool(again != getattr(model, name))


def _is_json(value: Any) -> bool:
    """Whether a value is JSON already; else pydantic is given the Python objects themselves.

    An instance written as JSON first would lose its secrets: pydantic writes asterisks for them.
    """
    try:
        json.dumps(value, allow_nan=False)
    except (TypeError, ValueError, RecursionError):
        return False
    return True
