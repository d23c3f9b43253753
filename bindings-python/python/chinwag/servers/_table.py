"""What a server does for each operation, and what becomes of what its code returns or raises."""

from __future__ import annotations

import inspect
import logging
import traceback
from collections.abc import Callable, Iterator, Mapping
from contextvars import ContextVar
from datetime import timedelta
from typing import Any, Final, Literal, TypeVar, Union

from .._chinwag import From
from .._values import Seconds
from ..errors import BadArgument, UnknownOp

logger: Final = logging.getLogger("chinwag")

Kind = Literal["call", "cast", "stream"]
_KINDS: Final[dict[str, Kind]] = {"call": "call", "cast": "cast", "stream": "stream"}
_Function = TypeVar("_Function", bound=Callable[..., Any])
#: Where the decorators leave what they are told.
_MARK: Final = "__chinwag_handles__"


class NoReply:
    """What a handler returns that answers later, with `sender.reply`."""

    def __repr__(self) -> str:
        return "NO_REPLY"


NO_REPLY: Final = NoReply()

#: The call that the present code handles.
current: Final[ContextVar[From | None]] = ContextVar("chinwag_from", default=None)


def within(timeout: Seconds | None, usual: float) -> Seconds | None:
    """The time that a call may take: within a handler, no longer than its caller still waits."""
    sender = current.get()
    left = None if sender is None or not sender.is_call else sender.remaining
    if left is None or sender is None or sender.answered:
        return timeout
    if isinstance(timeout, timedelta):
        return min(timeout.total_seconds(), left)
    if timeout is None or isinstance(timeout, (int, float)):
        return min(usual if timeout is None else timeout, left)
    return timeout  # What it is will be judged where every timeout is.


def places(concurrency: int) -> int:
    """How many messages are handled at the same time."""
    if not isinstance(concurrency, int) or concurrency < 1:
        raise BadArgument(f"concurrency is {concurrency!r}, expected 1 or more")
    return concurrency


def handle_call(op: str) -> Callable[[_Function], _Function]:
    """Marks a method of a `Server`: what it returns is the answer to calls of that operation.

    It takes the payload, or nothing, and if it has a parameter `sender`, a `From`.
    """
    return _marked("call", op)


def handle_cast(op: str) -> Callable[[_Function], _Function]:
    """Marks a method of a `Server`: it hears casts of that operation. Parameters as of calls."""
    return _marked("cast", op)


def handle_stream(op: str) -> Callable[[_Function], _Function]:
    """Marks a method of a `Server`: it gets calls of that operation that stream.

    What a generator yields are the items of the answer, and what it returns, or gives to
    `sender.reply`, is the answer behind them; what another function returns is the answer. With a
    parameter `body`, it gets the items of the request there. Other parameters as of calls.
    """
    return _marked("stream", op)


def _marked(kind: Kind, op: str) -> Callable[[_Function], _Function]:
    if not isinstance(op, str):
        raise TypeError(f'handle_{kind}("operation") is how it is written')

    def mark(function: _Function) -> _Function:
        setattr(function, _MARK, [*getattr(function, _MARK, ()), (kind, op)])
        return function

    return mark


class Server:
    """Something that has a name and answers.

    Its methods with `handle_call`, `handle_cast` and `handle_stream` get one message at a time,
    unless `serve` is told otherwise.
    """

    def __init_subclass__(cls) -> None:
        super().__init_subclass__()
        marks = [mark for mark, _ in _marks(cls)]
        for kind, op in marks:
            if marks.count((kind, op)) > 1:
                raise TypeError(f"{cls.__name__} handles the {kind} {op!r} twice")


#: What can be served: a `Server`; dicts of functions, as `{"call": {"incr": …}, "cast": {…}}`; or
#: one function for all, of the operation, the payload and, if it wants, the `sender`. There may be
#: `"stream"` as well, and a function for all that is a generator streams.
Handler = Union[Server, Mapping[str, Mapping[str, Callable[..., Any]]], Callable[..., Any]]


def _marks(cls: type) -> Iterator[tuple[tuple[Kind, str], str]]:
    for name, value in vars(cls).items():
        for mark in getattr(value, _MARK, ()):
            yield mark, name


class Table:
    """The functions of a server."""

    def __init__(self, name: str, handler: Handler, expose_stack: bool) -> None:
        self._name: Final = name
        self._expose_stack: Final = expose_stack
        self._routes: Final[dict[tuple[Kind, str], _Route]] = {}
        self._any: _Route | None = None
        self._lost = False
        for kind, op, function in _functions(handler):
            self._routes[kind, op] = _Route(function, (), 1, kind == "stream")
        if isinstance(handler, type) or not (self._routes or callable(handler)):
            what = "a Server, a dict of functions for calls and casts, or a function"
            raise BadArgument(f"{handler!r} handles nothing: {what} can be served")
        if not self._routes:
            whole: Any = handler
            self._any = _Route(whole, ("op",), 2, _is_generator(whole))
        self._all: Final = [*self._routes.values(), *([self._any] if self._any else [])]

    @property
    def has_tasks(self) -> bool:
        """Whether there are functions to be awaited."""
        return any(route.is_async for route in self._all)

    @property
    def has_waits(self) -> bool:
        """Whether there are functions that may have to be waited for."""
        return any(route.is_async or route.is_stream for route in self._all)

    @property
    def blocks(self) -> bool:
        """Whether there are functions that read items without awaiting them."""
        return any(route.has_body and not route.is_async for route in self._all)

    def begin(self, request: From, ends: Callable[[From], tuple[Any, Any]]) -> Any:
        """Runs the function for a message: what it returns, which may be to be awaited; of one that
        streams, with the end of the stream. `ends` makes that, and what the function reads."""
        op = request.op
        route = self._route(request, op)
        if not route.is_stream:
            return route.run(op, {"sender": request})
        end, body = ends(request)
        return Streamed(route.run(op, {"sender": request, "body": body}), end, request)

    def _route(self, request: From, op: str) -> _Route:
        kinds: tuple[Kind, ...] = ("cast",)
        if request.is_call:
            kinds = ("stream", "call") if request.is_stream else ("call",)
        for kind in kinds:
            if (kind, op) in self._routes:
                return self._routes[kind, op]
        route = self._any or self._routes.get(("stream", op))
        if route is not None and (route is self._any or request.is_call):
            if request.is_stream or not route.is_stream:
                return route
            raise UnknownOp(f'"{op}" of "{self._name}" is for calls that stream')
        raise UnknownOp(f'"{self._name}" has no operation "{op}"')

    def settle(self, request: From, value: Any) -> None:
        """Answers with what a function has returned."""
        if value is NO_REPLY or not request.is_call:
            return
        try:
            request.reply(value)
        except Exception as error:
            self.fail(request, error)

    def fail(self, request: From, error: BaseException) -> None:
        """Answers with what a function has raised. Of a cast, nobody but the log hears."""
        what = (request.op, self._name)
        if request.is_call:
            stack = "".join(traceback.format_exception(error)) if self._expose_stack else None
            request.fail(error, stack=stack)
            if isinstance(error, Exception) and not isinstance(error, UnknownOp):
                logger.info("the call %s of %s failed", *what, exc_info=error)
        elif not isinstance(error, UnknownOp):
            logger.error("the cast %s of %s failed", *what, exc_info=error)
        elif not self._lost:
            # Once: whoever sends it may send any number.
            self._lost = True
            logger.warning("a cast was dropped: %s", error)


class Streamed:
    """What a function that streams has returned: to be iterated, to be awaited, or the answer."""

    def __init__(self, outcome: Any, end: Any, request: From) -> None:
        self.outcome: Final = outcome
        self.end: Final = end
        self.request: Final = request


class _Route:
    """A function, and what it is called with."""

    def __init__(
        self, function: Callable[..., Any], first: tuple[str, ...], most: int, is_stream: bool
    ) -> None:
        self._function: Final = function
        self.is_stream: Final = is_stream
        self.is_async: Final = _is_async(function) or _is_async(getattr(function, "__call__", None))
        try:
            parameters = list(inspect.signature(function).parameters.values())
        except (TypeError, ValueError):  # Some builtins do not tell.
            parameters = [inspect.Parameter("payload", inspect.Parameter.POSITIONAL_ONLY)]
        named = ("sender", "body") if is_stream else ("sender",)
        places, self._named = _wanted(parameters, named)
        self.has_body: Final = "body" in self._named
        needed = [place for place in places if place.default is place.empty]
        is_open = any(p.kind is p.VAR_POSITIONAL for p in parameters)
        if len(needed) > most or (len(places) < len(first) and not is_open):
            parts = ", ".join([*first, "payload"])
            raise BadArgument(f"{function!r} is to take ({parts}) and, if it wants, sender")
        self._first: Final = bool(first)
        self._payload: Final = is_open or len(places) > len(first)

    def run(self, op: str, extras: dict[str, Any]) -> Any:
        given: list[Any] = [op] if self._first else []
        if self._payload:
            given.append(extras["sender"]._payload())
        if not self._named:
            return self._function(*given)
        named = {}
        for name, at in self._named.items():
            if at is None or at >= len(given):
                named[name] = extras[name]
            else:
                given.insert(at, extras[name])
        return self._function(*given, **named)


def _is_async(function: object) -> bool:
    return inspect.iscoroutinefunction(function) or inspect.isasyncgenfunction(function)


def _is_generator(function: object) -> bool:
    """Whether it yields what it has to say."""
    return any(
        inspect.isgeneratorfunction(one) or inspect.isasyncgenfunction(one)
        for one in (function, getattr(function, "__call__", None))
    )


def _wanted(
    parameters: list[inspect.Parameter], extras: tuple[str, ...]
) -> tuple[list[inspect.Parameter], dict[str, int | None]]:
    """The parameters that are given by their places; and which of the extras there are, each with
    its place if it has one, in the order of those."""
    placed = (inspect.Parameter.POSITIONAL_OR_KEYWORD, inspect.Parameter.POSITIONAL_ONLY)
    at_places = [p for p in parameters if p.kind in placed]
    named: dict[str, int | None] = {
        p.name: at for at, p in enumerate(at_places) if p.name in extras
    }
    for p in parameters:
        if p.kind is p.KEYWORD_ONLY and p.name in extras:
            named[p.name] = None
    return [p for p in at_places if p.name not in extras], named


def _functions(handler: Handler) -> Iterator[tuple[Kind, str, Callable[..., Any]]]:
    if isinstance(handler, Server):
        names: dict[tuple[Kind, str], str] = {}
        for cls in reversed(type(handler).__mro__):
            names.update(_marks(cls))
        for mark, name in names.items():
            yield *mark, getattr(handler, name)
    elif isinstance(handler, Mapping):
        for kind, functions in handler.items():
            known = _KINDS.get(kind)
            if known is None:
                raise BadArgument(f'a server has "call", "cast" and "stream", and no {kind!r}')
            for op, function in functions.items():
                if not callable(function):
                    raise BadArgument(f"{function!r} cannot be called with the {kind} {op!r}")
                yield known, op, function
