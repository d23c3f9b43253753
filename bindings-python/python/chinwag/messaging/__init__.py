"""Messages of a node, by either face."""

from __future__ import annotations

from ._topics import AsyncSubscriber as Subscriber

__all__ = ["Subscriber"]
