"""Every code that the comparison of two releases can give, and its title; in docs/errors.md, too.

A code keeps its meaning for ever.
"""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Mapping

CODES: Final[Mapping[str, str]] = MappingProxyType(
    {
        "S701": "A saga that is gone",
        "S702": "A participant that is gone",
        "S703": "A handler that is gone",
        "S704": "A parameter that no old call fills",
        "S705": "A result that is not read any more",
        "S706": "An input that is not read any more",
        "S707": "An event that is not read any more",
        "S708": "A question that cannot be answered any more",
        "S709": "A new result for an old step",
        "S710": "Less time than an old call has",
        "S711": "What cannot be told",
        "S712": "What holds for new sagas only",
        "S713": "An error that is gone",
    }
)
