"""Bundles: a client as one source text, made from a function or a script of somebody's project.

Clients are sent as source text, because the Python in the container is not the one that runs the
tests.
"""

from labctl.plugin.bundle.bundler import Bundle, Bundler

__all__ = ["Bundle", "Bundler"]
