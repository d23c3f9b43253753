"""A member that publishes what is typed, and shows what comes on the topics that it subscribes to.

    python examples/orders.py ann -
    python examples/orders.py bob 127.0.0.1:40123

Then type `subscribe orders`, `subscribe jobs workers`, `publish orders tea`, `topics`, or `leave`.
Of those in a queue, such as `workers`, one gets each publication.
"""

import os
import sys
import threading
from typing import Any

import chinwag

PROFILE: Any = os.environ.get("CHINWAG_PROFILE", "local")


def main(name: str, seed: str) -> None:
    with chinwag.blocking.start(
        name, bind="127.0.0.1:0", seeds=[] if seed == "-" else [seed],
        profile=PROFILE, handle_signals=True,
    ) as node:
        print("ready", node.name, node.addr, flush=True)
        for line in sys.stdin:
            word, _, rest = line.strip().partition(" ")
            topic, _, more = rest.partition(" ")
            if word == "leave":
                break
            try:
                obey(node, word, topic, more)
            except chinwag.ChinwagError as error:
                print(f"{error.code}: {error}", flush=True)


def obey(node: chinwag.blocking.Node, word: str, topic: str, more: str) -> None:
    if word == "subscribe":
        subscriber = node.subscribe(topic, queue=more or None)
        threading.Thread(target=show, args=[subscriber], daemon=True).start()
        print("subscribed to", topic, flush=True)
    elif word == "publish":
        print("sent to", node.publish(topic, more), flush=True)
    else:
        members = node.topics().items()
        print("topics", *(f"{topic}={count}" for topic, count in members), flush=True)


def show(subscriber: chinwag.blocking.Subscriber) -> None:
    for order in subscriber:
        late = f" ({order.missed} missed)" if order.missed else ""
        print(f"{order.topic} by {order.sender}: {order.payload}{late}", flush=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
