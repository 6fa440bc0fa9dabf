# Every one of these is an OSError: the first clause takes them all.
import os
import socket

try:
    socket.create_connection((os.environ["LAB_HOST"], int(os.environ["LAB_PORT"])), timeout=2).close()
    print("open")
except OSError:
    print("refused")
except TimeoutError:
    print("filtered")
