"""labctl reproduces network failures in isolated labs, and judges what a client makes of them."""

__version__ = "0.1.0"
