# Without a timeout, the kernel tries for minutes.
import errno
import os
import socket

try:
    socket.create_connection((os.environ["LAB_HOST"], int(os.environ["LAB_PORT"]))).close()
    print("open")
except socket.gaierror:
    print("unresolvable")
except ConnectionRefusedError:
    print("refused")
except TimeoutError:
    print("filtered")
except OSError as error:
    print("unreachable" if error.errno in (errno.EHOSTUNREACH, errno.ENETUNREACH) else "?")
