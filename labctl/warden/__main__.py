"""The warden's command: `python -I -S .../labctl/warden FD`, with a channel to labctl as FD."""

from __future__ import annotations

import sys

sys.path.insert(0, __file__.rpartition("/labctl/warden/")[0])

from labctl.warden.stub import main

main(int(sys.argv[1]))
