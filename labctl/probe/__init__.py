"""The probe: runs one client in its container and reports how it ended. Standard library only.

`supervisor` is the first process of the container. It starts `child`, which runs the client's
source, and puts together the one line of JSON that is the report. Both count in every attempt's
time, so their modules import no more than they must: `posix` and `_json` in place of `os` and
`json` save 7 to 10 ms of 20. All of it runs on Python 3.8 and later.

The client runs in the child's process and may change anything there. So what the probe needs after
the client has run, it takes before (`self._write = posix.write`), and it reads attributes of the
client's objects past their classes (`type.__dict__["__mro__"].__get__`).
"""
