"""labctl reproduces network failures in Docker and judges what a Python client makes of them."""

__version__ = "0.1.0"
