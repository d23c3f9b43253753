"""A web server of several processes under gunicorn. Its master is the member; its workers attach,
answer HTTP on one port, and serve `web` to the whole cluster, each a share of it.

    cd examples
    NODE=one gunicorn --config web_gunicorn.py --workers 2 --bind 127.0.0.1:8000 web:app
    NODE=two SEED=127.0.0.1:40123 gunicorn --config web_gunicorn.py --bind 127.0.0.1:8001 web:app

`curl` at either port asks `web` on whatever member: it says which process answered.
"""

import os
from collections.abc import Callable, Iterable
from typing import Any

import chinwag

_nodes: list[chinwag.blocking.Node] = []


def begin(socket: str) -> None:
    """In a worker, after the fork."""
    node = chinwag.blocking.start(attach=socket)
    node.serve("web", {"call": {"who": lambda _: f"{os.getpid()} on {node.name}"}})
    _nodes.append(node)


def end() -> None:
    """In a worker that has finished."""
    for node in _nodes:
        node.leave()
        node.close()
    _nodes.clear()


def app(_: dict[str, Any], respond: Callable[..., Any]) -> Iterable[bytes]:
    try:
        status, text = "200 OK", _nodes[0].call("web", "who")
    except chinwag.ChinwagError as error:
        status, text = "503 Service Unavailable" if error.retryable else "500 Error", str(error)
    respond(status, [("Content-Type", "text/plain")])
    return [f"{text}\n".encode()]
