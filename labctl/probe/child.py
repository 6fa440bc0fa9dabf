"""Starts the child, which runs the client.

The bytecode of this file is never cached, so it holds nothing else.
"""

import sys

sys.path.insert(0, __file__.rpartition("/probe/")[0])
_client = __import__("probe.client", fromlist=["main"])
del sys.path[0]
_client.main(*map(int, sys.argv[1:]))
