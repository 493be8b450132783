"""The intrinsic functions of the JSONPath dialect.

https://docs.aws.amazon.com/step-functions/latest/dg/intrinsic-functions.html. Whatever a function
cannot do fails with `IntrinsicError`, which Step Functions reports as ``States.Runtime``.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import json
import math
from random import Random
from typing import TYPE_CHECKING, Any, Final
from uuid import UUID

from stepsaga.engines.jsontext import dump, same

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

_RANGE_ITEMS: Final = 1000
_TEXT_CHARACTERS: Final = 10_000
_INT32: Final = 2**31
_HASHES: Final = {
    "MD5": hashlib.md5,
    "SHA-1": hashlib.sha1,
    "SHA-256": hashlib.sha256,
    "SHA-384": hashlib.sha384,
    "SHA-512": hashlib.sha512,
}


class IntrinsicError(ValueError):
    """An intrinsic function was given what it cannot take."""


def format_template(template: str) -> list[str | None]:
    r"""The pieces of a template of ``States.Format``: texts, and None for each ``{}``.

    Backslashes escape ``'``, ``{``, ``}`` and themselves.

    Raises:
        IntrinsicError: A brace or a backslash stands alone.
    """
    pieces: list[str | None] = []
    text: list[str] = []
    rest = iter(template)
    for character in rest:
        if character == "\\":
            text.append(escaped(next(rest, "")))
        elif character == "{":
            if next(rest, "") != "}":
                raise IntrinsicError(f"a '{{' in {template!r} is neither '{{}}' nor escaped")
            pieces += ["".join(text), None]
            text = []
        elif character == "}":
            raise IntrinsicError(f"a '}}' in {template!r} has no '{{' and is not escaped")
        else:
            text.append(character)
    return [*pieces, "".join(text)]


def escaped(character: str) -> str:
    r"""What a backslash and this character mean.

    Raises:
        IntrinsicError: Nothing: only ``\'``, ``\{``, ``\}`` and ``\\`` are escapes.
    """
    if character not in ("'", "{", "}", "\\"):
        raise IntrinsicError(f"'\\{character}' is no escape: there are \\' \\{{ \\}} \\\\")
    return character


def _text_of(value: Any) -> str:
    return value if isinstance(value, str) else dump(value)


def _string(value: Any, what: str, longest: int | None = None) -> str:
    if not isinstance(value, str):
        raise IntrinsicError(f"{what} must be a string, got: {dump(value)}")
    if longest is not None and len(value) > longest:
        raise IntrinsicError(f"{what} has {len(value)} characters, at most {longest} are allowed")
    return value


def _bytes(text: str) -> bytes:
    # Half a surrogate pair, which JSON allows, becomes a question mark, as in Java.
    return text.encode("utf-8", "replace")


def _array(value: Any) -> list[Any]:
    if not isinstance(value, list):
        raise IntrinsicError(f"an array is needed, got: {dump(value)}")
    return value


def _integer(value: Any, what: str) -> int:
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise IntrinsicError(f"{what} must be a number, got: {dump(value)}")
    # "Rounded off to the nearest integer": halves go up, as Java rounds.
    number = math.floor(value + 0.5)
    if not -_INT32 <= number < _INT32:
        raise IntrinsicError(f"{what} must fit 32 bits, got: {dump(value)}")
    return number


def _format(_: Random, template: Any, *values: Any) -> str:
    pieces = format_template(_string(template, "the template"))
    gaps = pieces.count(None)
    if gaps != len(values):
        raise IntrinsicError(f"{template!r} has {gaps} gaps for {len(values)} values")
    rest = iter(values)
    return "".join(_text_of(next(rest)) if piece is None else piece for piece in pieces)


def _string_to_json(_: Random, text: Any) -> Any:
    try:
        value = json.loads(_string(text, "the JSON text"))
        dump(value)  # Python reads NaN and 1e999, which are no JSON
    except ValueError as error:
        raise IntrinsicError(f"this is no JSON: {error}") from error
    return value


def _json_to_string(_: Random, value: Any) -> str:
    return dump(value)


def _make_array(_: Random, *values: Any) -> list[Any]:
    return list(values)


def _partition(_: Random, array: Any, size: Any) -> list[list[Any]]:
    items, step = _array(array), _integer(size, "the size of a chunk")
    if step <= 0:
        raise IntrinsicError(f"the size of a chunk must be positive, got: {step}")
    return [items[start : start + step] for start in range(0, len(items), step)]


def _contains(_: Random, array: Any, value: Any) -> bool:
    return any(same(item, value) for item in _array(array))


def _range(_: Random, first: Any, last: Any, step: Any) -> list[int]:
    start, end = _integer(first, "the first number"), _integer(last, "the last number")
    stride = _integer(step, "the step")
    if stride == 0:
        raise IntrinsicError("the step must not be 0")
    numbers = range(start, end + (1 if stride > 0 else -1), stride)
    if len(numbers) > _RANGE_ITEMS:
        raise IntrinsicError(f"{len(numbers)} numbers, at most {_RANGE_ITEMS} are allowed")
    return list(numbers)


def _get_item(_: Random, array: Any, index: Any) -> Any:
    items, place = _array(array), _integer(index, "the index")
    if not 0 <= place < len(items):
        raise IntrinsicError(f"index {place} is outside an array of {len(items)}")
    return items[place]


def _length(_: Random, array: Any) -> int:
    return len(_array(array))


def _unique(_: Random, array: Any) -> list[Any]:
    found: list[Any] = []
    for item in _array(array):
        if not any(same(item, other) for other in found):
            found.append(item)
    return found


def _encode(_: Random, text: Any) -> str:
    data = _string(text, "the data", _TEXT_CHARACTERS)
    return base64.b64encode(_bytes(data)).decode()


def _decode(_: Random, text: Any) -> str:
    data = _string(text, "the data", _TEXT_CHARACTERS)
    try:
        return base64.b64decode(data, validate=True).decode()
    except (binascii.Error, UnicodeDecodeError) as error:
        raise IntrinsicError(f"this is no base64 of UTF-8: {error}") from error


def _hash(_: Random, data: Any, algorithm: Any) -> str:
    if not isinstance(algorithm, str) or algorithm not in _HASHES:
        raise IntrinsicError(f"no hash {dump(algorithm)}; there are: {', '.join(_HASHES)}")
    text = _string(_text_of(data), "the data", _TEXT_CHARACTERS)
    return _HASHES[algorithm](_bytes(text)).hexdigest()


def _merge(_: Random, left: Any, right: Any, deep: Any) -> dict[str, Any]:
    if deep is not False:
        raise IntrinsicError("only shallow merges exist: the third argument must be false")
    if not isinstance(left, dict) or not isinstance(right, dict):
        raise IntrinsicError("only objects can be merged")
    return {**left, **right}


def _random(source: Random, first: Any, end: Any, seed: Any = None) -> int:
    low, high = _integer(first, "the first number"), _integer(end, "the end number")
    if high <= low:
        raise IntrinsicError(f"there is no number from {low} to before {high}")
    chosen = source if seed is None else Random(_integer(seed, "the seed"))  # noqa: S311 -- as asked
    return chosen.randrange(low, high)


def _add(_: Random, left: Any, right: Any) -> int:
    total = _integer(left, "the first number") + _integer(right, "the second number")
    return _integer(total, "the sum")


def _split(_: Random, text: Any, delimiters: Any) -> list[str]:
    rest, marks = _string(text, "the text"), _string(delimiters, "the delimiters")
    for mark in marks[1:]:
        rest = rest.replace(mark, marks[0])
    return [part for part in (rest.split(marks[0]) if marks else [rest]) if part]


def _uuid(source: Random) -> str:
    return str(UUID(int=source.getrandbits(128), version=4))


FUNCTIONS: Final[Mapping[str, tuple[Callable[..., Any], int, int | None]]] = {
    "States.Format": (_format, 1, None),
    "States.StringToJson": (_string_to_json, 1, 1),
    "States.JsonToString": (_json_to_string, 1, 1),
    "States.Array": (_make_array, 0, None),
    "States.ArrayPartition": (_partition, 2, 2),
    "States.ArrayContains": (_contains, 2, 2),
    "States.ArrayRange": (_range, 3, 3),
    "States.ArrayGetItem": (_get_item, 2, 2),
    "States.ArrayLength": (_length, 1, 1),
    "States.ArrayUnique": (_unique, 1, 1),
    "States.Base64Encode": (_encode, 1, 1),
    "States.Base64Decode": (_decode, 1, 1),
    "States.Hash": (_hash, 2, 2),
    "States.JsonMerge": (_merge, 3, 3),
    "States.MathRandom": (_random, 2, 3),
    "States.MathAdd": (_add, 2, 2),
    "States.StringSplit": (_split, 2, 2),
    "States.UUID": (_uuid, 0, 0),
}
"""Each function by name, with the least and the largest number of its arguments."""

IN_FAIL: Final = frozenset(
    f"States.{name}"
    for name in (
        "Format",
        "JsonToString",
        "ArrayGetItem",
        "Base64Encode",
        "Base64Decode",
        "Hash",
        "UUID",
    )
)
"""Those that ``ErrorPath`` and ``CausePath`` of a Fail state may use.

https://docs.aws.amazon.com/step-functions/latest/dg/state-fail.html
"""
