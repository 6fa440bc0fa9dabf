"""Run labctl, and note how much memory it had at most.

`python -m tests.labs.weighing FILE run refused-port` writes that to FILE, in KiB. What the kernel
tells of a process that has ended counts those that it has waited for, too: on the local engine,
the clients.
"""

from __future__ import annotations

import atexit
import sys
from pathlib import Path

from labctl.__main__ import main


def note_peak(place: Path) -> None:
    """Write the most memory that this process has had so far."""
    lines = Path("/proc/self/status").read_text("ascii", "replace").splitlines()
    fields = dict(line.split(":", 1) for line in lines)
    place.write_text(fields["VmHWM"].split()[0], "ascii")


if __name__ == "__main__":
    atexit.register(note_peak, Path(sys.argv.pop(1)))
    main()
