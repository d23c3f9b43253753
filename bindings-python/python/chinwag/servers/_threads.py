"""The messages of a server on threads of its own."""

from __future__ import annotations

import threading
from collections.abc import Callable
from contextvars import copy_context
from typing import Any, Final

from .._base import BaseNode, listen
from .._chinwag import From, Mailbox
from ._feeds import answered_by_thread
from ._table import Streamed, Table, current


class Threads:
    """As many threads as messages are handled at the same time."""

    def __init__(self, name: str, concurrency: int, run: Callable[[], None]) -> None:
        self.threads: Final = [
            threading.Thread(target=run, name=f"chinwag-serve-{name}", daemon=True)
            for _ in range(concurrency)
        ]
        for thread in self.threads:
            thread.start()

    @property
    def ended(self) -> bool:
        """Whether no handler runs any more."""
        return not any(thread.is_alive() for thread in self.threads)


def work(
    node: BaseNode, mailbox: Mailbox, table: Table, ends: Callable[[From], Any]
) -> None:
    """Handles messages until there will be none any more. The node stays meanwhile."""
    host = node._host
    while True:
        rings = host.rings()
        requests, _, ended = mailbox.drain(1)
        for request in requests:
            copy_context().run(_handle, table, request, ends)
        if ended:
            return
        if not requests:
            listen(host, rings)


def _handle(table: Table, request: From, ends: Callable[[From], Any]) -> None:
    current.set(request)
    try:
        outcome = table.begin(request, ends)
        if isinstance(outcome, Streamed):
            outcome = answered_by_thread(outcome)
        table.settle(request, outcome)
    except Exception as error:
        table.fail(request, error)
    except BaseException as error:
        table.fail(request, error)
        raise
