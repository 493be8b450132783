"""Lists that AWS gives in pages."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from stepsaga.engines.explained import explained

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping


def pages(
    thing: str,
    ask: Callable[..., Mapping[str, Any]],
    token: str,
    next_token: str = "",
    **parameters: Any,
) -> Iterator[Mapping[str, Any]]:
    """All pages of a list, a request each, as far as they are asked for.

    Args:
        thing: What is listed, for messages.
        ask: The operation.
        token: The parameter that asks for the next page.
        next_token: The reply's name for it, where that is another.
        **parameters: The operation's own.

    Raises:
        EngineUnreachable, EngineThrottled, EngineError: As `explained`.
    """
    more: dict[str, str] = {}
    while True:
        with explained(thing):
            page = ask(**parameters, **more)
        yield page
        following = page.get(next_token or token)
        if not following:
            return
        more = {token: following}
