"""Leave on the first SIGTERM or SIGINT, then let the signal do what it would have done."""

from __future__ import annotations

import os
import signal
import threading
import weakref
from collections.abc import Callable
from functools import cache, partial
from types import FrameType
from typing import Any, Final

_SIGNALS: Final = (signal.SIGTERM, signal.SIGINT)

Depart = Callable[[Callable[[], None]], None]


class SignalHook:
    """The handlers of one node. Those that were there before are called afterwards."""

    # Not `loop.add_signal_handler`: that replaces a handler which the application has set in the
    # same way, without telling which, so that it could not be put back.

    def __init__(self, depart: Depart) -> None:
        self._depart: Final = weakref.WeakMethod(depart)
        self._pid: Final = os.getpid()
        self._previous: Final[dict[int, Any]] = {}
        self._leaving = False
        self._removed = False

    def install(self) -> None:
        """Takes the signals over, except those that the process ignores."""
        _watch_forks()
        _hooks.add(self)
        for number in _SIGNALS:
            previous = signal.getsignal(number)
            if previous is not signal.SIG_IGN:
                # `None` is a handler that Python did not install and cannot call.
                self._previous[number] = signal.SIG_DFL if previous is None else previous
                signal.signal(number, self._handle)

    def remove(self) -> None:
        """Gives the signals back, unless somebody has taken them over since."""
        self._removed = True
        for number in self._previous:
            if signal.getsignal(number) == self._handle:
                try:
                    signal.signal(number, self._before(number))
                except ValueError:
                    return  # Only the main thread may: the next signal, which comes there, passes.

    def _before(self, number: int) -> Any:
        """The handler to go back to: not that of another node which is closed by now."""
        previous = self._previous[number]
        hook = getattr(previous, "__self__", None)
        if isinstance(hook, SignalHook) and hook._removed:
            return hook._before(number)
        return previous

    def _handle(self, number: int, frame: FrameType | None) -> None:
        depart = self._depart()
        if self._removed or depart is None or os.getpid() != self._pid:
            self._pass_on(number, frame)
        elif self._leaving:
            signal.signal(number, signal.SIG_DFL)
            signal.raise_signal(number)
        else:
            self._leaving = True
            depart(partial(self._finish, number))

    def _finish(self, number: int) -> None:
        previous = self._before(number)
        self.remove()
        # A handler of an asyncio loop has run already: the loop hears of signals on its own way.
        if getattr(previous, "__name__", "") != "_sighandler_noop":
            signal.raise_signal(number)

    def _pass_on(self, number: int, frame: FrameType | None) -> None:
        self.remove()
        previous = self._before(number)
        if callable(previous):
            previous(number, frame)
        else:
            signal.signal(number, previous)
            signal.raise_signal(number)


_hooks: weakref.WeakSet[SignalHook] = weakref.WeakSet()
_held = threading.local()


def _hold() -> None:
    _held.mask = signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGTERM])


def _release() -> None:
    signal.pthread_sigmask(signal.SIG_SETMASK, _held.mask)


def _give_back() -> None:
    for hook in list(_hooks):
        hook.remove()
    _release()


@cache
def _watch_forks() -> None:
    """Lets a signal do in a forked child at once what it did before, without Python's help.

    CPython forgets signals that come between the fork and its own clean-up, and a handler in Python
    does not run when the signal comes just before a blocking call. A child that is terminated as
    soon as it is there, as those of `multiprocessing.Pool` may be, would live on.
    """
    os.register_at_fork(before=_hold, after_in_parent=_release, after_in_child=_give_back)
