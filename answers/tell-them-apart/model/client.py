"""Says how a connection to LAB_HOST, port LAB_PORT, ends: in one word."""

import errno
import os
import socket

UNREACHABLE = (errno.EHOSTUNREACH, errno.ENETUNREACH)


def word(host, port):
    try:
        socket.create_connection((host, port), timeout=2).close()
    except socket.gaierror:
        return "unresolvable"
    except ConnectionRefusedError:
        return "refused"
    except TimeoutError:
        return "filtered"
    except OSError as error:
        return "unreachable" if error.errno in UNREACHABLE else f"odd: {error}"
    return "open"


print(word(os.environ["LAB_HOST"], int(os.environ["LAB_PORT"])))
