"""From a traceback that somebody pasted to the scenarios that produce it. Pure."""
