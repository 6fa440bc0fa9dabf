"""A host whose ports do what LAB_PORTS says: each a list of steps, the same for every connection.

    2001: [{read: 4}, reset]
    2002: [{send: "554 no\\r\\n"}, close]
    2003/udp: [{send: pong}]
    2004: [never-accept]
    2005: {turns: [[reset], [{dialogue: smtp}]]}

With `turns`, a client's first connection gets the first list, its second one the second, and all
that follow the last. What was remembered of a client is forgotten when its attempt has ended.

Without LAB_PORTS, it is up and listens nowhere. LAB_RULES is what nftables does in front of it:
the chains and sets of a table.
"""

from __future__ import annotations

import os
import sys

from . import nft
from .lifeline import hold, say_ready


def main() -> None:
    """Run the ports of LAB_PORTS."""
    if rules := os.environ.get("LAB_RULES"):
        try:
            nft.apply(rules)
        except nft.MissingError as error:
            sys.exit(str(error))
    if not os.environ.get("LAB_PORTS"):
        say_ready()
        hold()
    # Only now: a host without ports starts faster without asyncio.
    from .loop import run  # noqa: PLC0415
    from .ports import Turns, parse, serve  # noqa: PLC0415
    from .settings import WrongScript, within  # noqa: PLC0415

    try:
        with within("LAB_PORTS"):
            ports = parse(os.environ["LAB_PORTS"])
    except WrongScript as error:
        sys.exit(str(error))
    turns = Turns()
    run(serve(ports, turns), turns.forget)
