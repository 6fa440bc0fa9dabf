"""The engine of labctl's own: labs in namespaces of this machine's kernel, without a daemon."""
