import os
import socket

socket.create_connection((os.environ["LAB_HOST"], int(os.environ["LAB_PORT"])), timeout=2)
