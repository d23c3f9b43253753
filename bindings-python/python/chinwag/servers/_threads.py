"""The messages of a server on threads of its own."""

from __future__ import annotations

import threading
from collections.abc import Callable
from contextvars import copy_context
from typing import Final

from .._base import BaseNode, listen
from .._chinwag import From, Mailbox
from ._table import Table, current


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


def work(node: BaseNode, mailbox: Mailbox, table: Table) -> None:
    """Handles messages until there will be none any more. The node stays meanwhile."""
    host = node._host
    while True:
        rings = host.rings()
        requests, _, ended = mailbox.drain(1)
        for request in requests:
            copy_context().run(_handle, table, request)
        if ended:
            return
        if not requests:
            listen(host, rings)


def _handle(table: Table, request: From) -> None:
    current.set(request)
    try:
        table.settle(request, table.begin(request))
    except Exception as error:
        table.fail(request, error)
    except BaseException as error:
        table.fail(request, error)
        raise
