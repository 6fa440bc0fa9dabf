"""The layers of a network that a scenario can be about. This module imports nothing heavy."""

from __future__ import annotations

from typing import Literal, get_args

Layer = Literal["dns", "tcp", "udp", "tls", "smtp", "http", "ftp", "imap", "pop3", "other"]
LAYERS: tuple[str, ...] = get_args(Layer)
