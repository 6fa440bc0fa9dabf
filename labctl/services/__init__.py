"""The programs of the lab image: services and the tap. They import nothing of the rest.

Each writes its events to stdout as JSON lines. Started by labctl, each has a lifeline on stdin:
it waits there for `go`, and ends when it closes, so that nothing outlives the labctl that it
belongs to. Started by hand, it has none.
"""
