"""How gunicorn runs `web.py`: the hooks in which a member starts, and workers attach to it."""

import os
import shutil
import tempfile
from typing import Any

import chinwag
import web

_member: list[tuple[chinwag.blocking.Node, str]] = []


def on_starting(_: Any) -> None:
    """In the master, before the first worker. The folder is one that nobody else may look into."""
    folder = tempfile.mkdtemp(prefix="chinwag-")
    seed = os.environ.get("SEED")
    node = chinwag.blocking.start(
        os.environ.get("NODE"), bind="127.0.0.1:0", seeds=[seed] if seed else [],
        workers=os.path.join(folder, "w.sock"),
    )
    _member.append((node, folder))
    print("ready", node.name, node.addr, flush=True)


def post_fork(_: Any, __: Any) -> None:
    """In each worker."""
    web.begin(os.path.join(_member[0][1], "w.sock"))
    print("worker", os.getpid(), flush=True)


def worker_exit(_: Any, __: Any) -> None:
    """In a worker that ends by itself."""
    web.end()


def on_exit(_: Any) -> None:
    """In the master, after the last worker."""
    for node, folder in _member:
        node.leave()
        node.close()
        shutil.rmtree(folder, ignore_errors=True)
