"""YAML files -> models. Every mistake in a file is an InputError that names file, line and key."""
