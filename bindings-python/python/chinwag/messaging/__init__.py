"""Messages of a node, by either face, and what else is told from member to member."""

from __future__ import annotations

from ._keys import AsyncWatch as Watch
from ._keys import KeyChange, KeyDeleted, KeyPut, KeysLost, KeysReplayed
from ._maps import AsyncMap as Map
from ._maps import AsyncMapWatch as MapWatch
from ._maps import MapChange, MapDeleted, MapEntry, MapLost, MapPut, MapValue
from ._monitors import AsyncMonitor as Monitor
from ._streams import AsyncBody as Body
from ._streams import AsyncStream as Stream
from ._topics import AsyncSubscriber as Subscriber

__all__ = [
    "Body",
    "KeyChange",
    "KeyDeleted",
    "KeyPut",
    "KeysLost",
    "KeysReplayed",
    "Map",
    "MapChange",
    "MapDeleted",
    "MapEntry",
    "MapLost",
    "MapPut",
    "MapValue",
    "MapWatch",
    "Monitor",
    "Stream",
    "Subscriber",
    "Watch",
]
