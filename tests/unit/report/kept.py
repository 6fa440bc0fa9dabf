"""What the probe keeps of an output."""

from __future__ import annotations

import os

from labctl.probe.pipe_reader import PipeReader


def kept_output(text: str) -> str:
    """The output of a client that writes this text, as a report has it."""
    reading, writing = os.pipe()
    try:
        reader = PipeReader(reading)
        whole = text.encode()
        for start in range(0, len(whole), 4096):
            os.write(writing, whole[start : start + 4096])
            reader.read()
        return reader.text()
    finally:
        os.close(reading)
        os.close(writing)
