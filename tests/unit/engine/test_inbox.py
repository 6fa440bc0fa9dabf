"""Lines that one thread reads, and others wait for."""

from __future__ import annotations

import queue
import threading
import time
from collections.abc import Callable, Iterable

from labctl.engine.inbox import Inbox


def soon() -> float:
    return time.monotonic() + 5


def fill(inbox: Inbox, lines: Iterable[bytes]) -> None:
    """Put lines into an inbox, the last of all."""
    for line in lines:
        inbox.add(line)
    inbox.end()


def holds(part: bytes) -> Callable[[bytes], bool]:
    return lambda line: part in line


def test_inbox_waits_for_a_line_that_comes_later() -> None:
    inbox = Inbox()
    threading.Timer(0.05, lambda: fill(inbox, iter([b"noise", b'"event": "ready"']))).start()
    assert inbox.wait_for(holds(b"ready"), deadline=soon())
    assert len(inbox) == 2
    assert inbox.since(1) == (b'"event": "ready"',)


def test_inbox_says_no_at_the_end_without_waiting_for_the_deadline() -> None:
    inbox = Inbox()
    fill(inbox, iter([b"died"]))
    began = time.monotonic()
    assert not inbox.wait_for(holds(b"ready"), deadline=began + 60)
    assert inbox.has_ended
    assert time.monotonic() - began < 30


def test_inbox_says_no_at_the_deadline() -> None:
    assert not Inbox().wait_for(holds(b"ready"), deadline=time.monotonic() + 0.01)


def filled(number: int, *, most: int) -> Inbox:
    inbox = Inbox(most=most)
    fill(inbox, (f"line {n}".encode() for n in range(number)))
    return inbox


def test_inbox_keeps_the_last_lines_and_their_numbers() -> None:
    inbox = filled(10, most=3)
    assert len(inbox) == 10
    assert inbox.since(0) == inbox.since(7) == (b"line 7", b"line 8", b"line 9")
    assert inbox.since(9) == (b"line 9",)
    assert inbox.since(10) == inbox.since(99) == ()
    assert filled(3, most=3).since(0) == (b"line 0", b"line 1", b"line 2")


def test_inbox_counts_what_is_lost_of_the_lines_from_a_place_on() -> None:
    inbox = filled(10, most=3)
    assert [inbox.lost(start) for start in (0, 5, 6, 7, 8, 10, 99)] == [7, 2, 1, 0, 0, 0, 0]
    assert filled(3, most=3).lost(0) == 0
    assert Inbox().lost(0) == 0


def test_inbox_waits_for_lines_from_a_place_on_alone() -> None:
    inbox = filled(10, most=20)
    assert inbox.wait_for(holds(b"line 4"), deadline=soon())
    assert inbox.wait_for(holds(b"line 4"), start=4, deadline=soon())
    assert not inbox.wait_for(holds(b"line 4"), start=5, deadline=soon())


def test_inbox_waits_for_the_same_word_anew() -> None:
    inbox = Inbox()
    lines: queue.SimpleQueue[bytes | None] = queue.SimpleQueue()
    lines.put(b"synced")
    reader = threading.Thread(target=fill, args=(inbox, iter(lines.get, None)))
    reader.start()
    assert inbox.wait_for(holds(b"synced"), deadline=soon())
    mark = len(inbox)
    assert not inbox.wait_for(holds(b"synced"), start=mark, deadline=time.monotonic() + 0.01)
    assert not inbox.has_ended
    lines.put(b"noise")
    lines.put(b"synced")
    assert inbox.wait_for(holds(b"synced"), start=mark, deadline=soon())
    assert inbox.since(mark) == (b"noise", b"synced")
    lines.put(None)
    reader.join()
    assert inbox.has_ended


def test_of_long_lines_fewer_are_kept() -> None:
    inbox = Inbox(room=10)
    fill(inbox, iter([b"one", b"three", b"seven", b"eleven"]))
    assert inbox.since(0) == (b"eleven",)
    assert inbox.lost(0) == 3


def test_the_last_line_is_kept_however_long_it_is() -> None:
    inbox = Inbox(room=2)
    fill(inbox, iter([b"one", b"three"]))
    assert inbox.since(0) == (b"three",)
