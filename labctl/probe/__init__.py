"""Runs one client in its container and reports what it saw: standard library only, Python 3.8+.

`supervisor` is the first process of the container. It starts `child`, which runs the client's
source, and puts together the one line of JSON that is the report. Both count in every attempt's
time, so their modules import no more than they must: `posix` and `_json` in place of `os` and
`json` save 7 to 10 ms of 20.
"""
