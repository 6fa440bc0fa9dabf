"""What tests of several modules say of labs."""

from __future__ import annotations

from labctl.engine.isolation import Reach

TIGHT = Reach(
    reached=(),
    tried=("198.18.0.1",),
    capabilities=(),
    no_new_privileges=True,
    writable=(),
    gateway_answers=False,
    engine_socket=False,
)
"""What a client can do where there is no hole."""
