"""A shopping cart that may be written in several places at once. No node is needed: the record is
data, and goes from program to program as a line of hexadecimal digits.

    python examples/cart.py ann tea </dev/null >tea
    python examples/cart.py bob milk <tea >milk
    python examples/cart.py eve rum <tea >rum
    cat milk rum | python examples/cart.py ann

bob and eve do not know of each other's carts: the last line shows both, and makes one of them.
"""

import sys

from chinwag import Siblings

Cart = set[str]


def main(actor: str, *added: str) -> None:
    # The actor is who writes. No two may write at once under one name: the record would take them
    # for one.
    record = Siblings[Cart]()
    for line in sys.stdin:
        record = record.merge(Siblings.from_bytes(bytes.fromhex(line), decode=decode))
    if len(record) > 1:
        for cart in record:
            show("sibling", cart)
        record = record.resolve(actor, lambda carts: set().union(*carts))
    if added:
        # The context says which values the new one replaces: those that were read.
        record = record.put(actor, record.context, set().union(*record, added))
    for cart in record:
        show("cart", cart)
    print(record.to_bytes(encode).hex())


def encode(cart: Cart) -> bytes:
    """A cart is text: its items in order, each once, one a line."""
    return "\n".join(sorted(cart)).encode()


def decode(text: bytes) -> Cart:
    return set(text.decode(errors="replace").split("\n"))


def show(what: str, cart: Cart) -> None:
    print(what, ", ".join(sorted(cart)), file=sys.stderr)


if __name__ == "__main__":
    main(*sys.argv[1:])
