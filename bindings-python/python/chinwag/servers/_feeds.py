"""Items of an answer: what a generator yields is sent, and what it returns is the answer."""

from __future__ import annotations

from typing import Any, Final

from ..errors import ChinwagError
from ._table import Streamed

#: What is wrong with one item alone: the generator may go on.
_OF_ONE: Final = ("too_large", "codec", "bad_argument")


async def answered(streamed: Streamed) -> Any:
    """The answer, once all items are sent."""
    outcome = streamed.outcome
    if hasattr(type(outcome), "__anext__"):
        return await _all_awaited(outcome, streamed)
    if hasattr(type(outcome), "__next__"):
        return await _all(outcome, streamed)
    return await outcome if hasattr(type(outcome), "__await__") else outcome


async def _all_awaited(generator: Any, streamed: Streamed) -> None:
    try:
        failure: ChinwagError | None = None
        while failure is None or _is_of_one(failure, generator, "athrow"):
            try:
                step = anext(generator) if failure is None else generator.athrow(failure)
                item = await step
            except StopAsyncIteration:
                return
            failure = await _sent(item, streamed)
    finally:
        if hasattr(generator, "aclose"):
            await generator.aclose()


async def _all(generator: Any, streamed: Streamed) -> Any:
    try:
        failure: ChinwagError | None = None
        while failure is None or _is_of_one(failure, generator, "throw"):
            try:
                item = next(generator) if failure is None else generator.throw(failure)
            except StopIteration as end:
                return end.value
            failure = await _sent(item, streamed)
    finally:
        if hasattr(generator, "close"):
            generator.close()


def answered_by_thread(streamed: Streamed) -> Any:
    """The answer, once all items are sent; for threads."""
    generator = streamed.outcome
    if not hasattr(type(generator), "__next__"):
        return generator
    try:
        failure: ChinwagError | None = None
        while failure is None or _is_of_one(failure, generator, "throw"):
            try:
                item = next(generator) if failure is None else generator.throw(failure)
            except StopIteration as end:
                return end.value
            failure = _sent_by_thread(item, streamed)
    finally:
        if hasattr(generator, "close"):
            generator.close()


def _is_of_one(failure: ChinwagError, generator: Any, throw: str) -> bool:
    """Whether the generator is to hear of it. That nobody reads any more only ends it."""
    if failure.code in _OF_ONE and not hasattr(generator, throw):
        raise failure
    return failure.code in _OF_ONE


async def _sent(item: Any, streamed: Streamed) -> ChinwagError | None:
    try:
        await streamed.end.send(item, streamed.request._codec)
    except ChinwagError as failure:
        return failure
    return None


def _sent_by_thread(item: Any, streamed: Streamed) -> ChinwagError | None:
    try:
        streamed.end.send(item, streamed.request._codec)
    except ChinwagError as failure:
        return failure
    return None
