"""Says how a connection to LAB_HOST, port LAB_PORT, ends: in one word."""

import os

host = os.environ["LAB_HOST"]
port = int(os.environ["LAB_PORT"])

# Try to connect to host and port, and print one of these words:
# open, refused, filtered, unreachable, unresolvable
