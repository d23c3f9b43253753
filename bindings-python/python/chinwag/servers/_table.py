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

Kind = Literal["call", "cast"]
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


def _marked(kind: Kind, op: str) -> Callable[[_Function], _Function]:
    if not isinstance(op, str):
        raise TypeError(f'handle_{kind}("operation") is how it is written')

    def mark(function: _Function) -> _Function:
        setattr(function, _MARK, [*getattr(function, _MARK, ()), (kind, op)])
        return function

    return mark


class Server:
    """Something that has a name and answers.

    Its methods with `handle_call` and `handle_cast` get one message at a time, unless `serve` is
    told otherwise.
    """

    def __init_subclass__(cls) -> None:
        super().__init_subclass__()
        marks = [mark for mark, _ in _marks(cls)]
        for kind, op in marks:
            if marks.count((kind, op)) > 1:
                raise TypeError(f"{cls.__name__} handles the {kind} {op!r} twice")


#: What can be served: a `Server`; dicts of functions, as `{"call": {"incr": …}, "cast": {…}}`; or
#: one function for all, of the operation, the payload and, if it wants, the `sender`.
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
        self._routes: Final[dict[tuple[bool, str], _Route]] = {}
        self._any: _Route | None = None
        self._lost = False
        for kind, op, function in _functions(handler):
            self._routes[kind == "call", op] = _Route(function, (), 1)
        if isinstance(handler, type) or not (self._routes or callable(handler)):
            what = "a Server, a dict of functions for calls and casts, or a function"
            raise BadArgument(f"{handler!r} handles nothing: {what} can be served")
        if not self._routes:
            self._any = _Route(handler, ("op",), 2)  # type: ignore[arg-type]

    @property
    def has_tasks(self) -> bool:
        """Whether there are functions to be awaited."""
        routes = [*self._routes.values(), *([self._any] if self._any else [])]
        return any(route.is_async for route in routes)

    def begin(self, request: From) -> Any:
        """Runs the function for a message: what it returns, which may be to be awaited."""
        op = request.op
        route = self._routes.get((request.is_call, op), self._any)
        if route is None:
            raise UnknownOp(f'"{self._name}" has no operation "{op}"')
        return route.run(op, request)

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


class _Route:
    """A function, and what it is called with."""

    def __init__(self, function: Callable[..., Any], first: tuple[str, ...], most: int) -> None:
        self._function: Final = function
        self.is_async: Final = inspect.iscoroutinefunction(function) or (
            inspect.iscoroutinefunction(getattr(function, "__call__", None))
        )
        try:
            parameters = list(inspect.signature(function).parameters.values())
        except (TypeError, ValueError):  # Some builtins do not tell.
            parameters = [inspect.Parameter("payload", inspect.Parameter.POSITIONAL_ONLY)]
        places, before, self._sender = _wanted(parameters)
        needed = [place for place in places if place.default is place.empty]
        is_open = any(p.kind is p.VAR_POSITIONAL for p in parameters)
        if len(needed) > most or (len(places) < len(first) and not is_open):
            parts = ", ".join([*first, "payload"])
            raise BadArgument(f"{function!r} is to take ({parts}) and, if it wants, sender")
        self._first: Final = bool(first)
        self._payload: Final = is_open or len(places) > len(first)
        #: Where the sender stands, if it has to be given by its place.
        self._at: Final = before if before < len(first) + self._payload else None

    def run(self, op: str, request: From) -> Any:
        given: list[Any] = [op] if self._first else []
        if self._payload:
            given.append(request._payload())
        if not self._sender:
            return self._function(*given)
        if self._at is None:
            return self._function(*given, sender=request)
        given.insert(self._at, request)
        return self._function(*given)


def _wanted(parameters: list[inspect.Parameter]) -> tuple[list[inspect.Parameter], int, bool]:
    """The parameters that are given by their places, how many of them stand before the sender, and
    whether there is one."""
    placed = (inspect.Parameter.POSITIONAL_OR_KEYWORD, inspect.Parameter.POSITIONAL_ONLY)
    names = [p.name for p in parameters if p.kind in placed]
    places = [p for p in parameters if p.kind in placed and p.name != "sender"]
    if "sender" in names:
        return places, names.index("sender"), True
    is_named = any(p.name == "sender" and p.kind is p.KEYWORD_ONLY for p in parameters)
    return places, len(places), is_named


def _functions(handler: Handler) -> Iterator[tuple[str, str, Callable[..., Any]]]:
    if isinstance(handler, Server):
        names: dict[tuple[Kind, str], str] = {}
        for cls in reversed(type(handler).__mro__):
            names.update(_marks(cls))
        for mark, name in names.items():
            yield *mark, getattr(handler, name)
    elif isinstance(handler, Mapping):
        for kind, functions in handler.items():
            if kind not in ("call", "cast"):
                raise BadArgument(f'a server has "call" and "cast", and no {kind!r}')
            for op, function in functions.items():
                if not callable(function):
                    raise BadArgument(f"{function!r} cannot be called with the {kind} {op!r}")
                yield kind, op, function
