"""Diffs and drawings of stacks."""

from __future__ import annotations

from labctl.model.result import Ladder, LadderRow, Unhandled
from labctl.report.stacks import draw_stacks, stack_diff_lines
from labctl.wire.ladder import draw
from tests.unit.judge.samples import STACK, exception, expectation, frames, raised, result, returned
from tests.unit.report.rendered import text_of


def test_a_diff_sets_expected_and_observed_side_by_side() -> None:
    expected = expectation(
        stack=[STACK[0], "smtplib:SMTP.connet", STACK[2], "socket:gone", STACK[3]]
    )
    seen = raised(stack=frames(*STACK, "ssl:more"))
    assert text_of(*stack_diff_lines(result(seen, expectation=expected))) == (
        """\
      expected                              observed
      smtplib:SMTP.__init__                 smtplib:SMTP.__init__
    ! smtplib:SMTP.connet                   smtplib:SMTP.connect
      smtplib:SMTP._get_socket              smtplib:SMTP._get_socket
    - socket:gone
      socket:create_connection              socket:create_connection
    +                                       ssl:more"""
    )


def test_a_long_name_takes_two_lines_in_a_diff() -> None:
    name = "asyncio.base_events:BaseEventLoop.create_connection"
    seen = raised(stack=frames(name))
    assert text_of(
        *stack_diff_lines(result(seen, expectation=expectation(stack=[name, "m:x"])))
    ) == (
        """\
      expected                              observed
      asyncio.base_events:                  asyncio.base_events:
        BaseEventLoop.create_connection       BaseEventLoop.create_connection
    - m:x"""
    )


def test_a_long_run_without_differences_is_folded() -> None:
    seen = raised(stack=frames(*[f"m:f{n}" for n in range(100)]))
    shown = text_of(*stack_diff_lines(result(seen, expectation=expectation(stack=["...", "m:x"]))))
    assert "      (88 more lines)" in shown.splitlines()
    assert len(shown.splitlines()) == 15


def test_there_is_no_diff_where_the_stack_is_as_expected() -> None:
    late = result(raised(exception=exception("TimeoutError")))
    assert late.reasons
    assert stack_diff_lines(late) == []


def test_a_stack_is_drawn_as_layers_from_the_client_to_the_exception() -> None:
    assert text_of(*draw_stacks([result(), result(attempt="other")])) == (
        """\
  smtplib, other on Python 3.13
  ├─ application ───────────────────────
  │    smtplib:SMTP.__init__
  │    smtplib:SMTP.connect
  │    smtplib:SMTP._get_socket
  ├─ transport ─────────────────────────
  │    socket:create_connection
  ╰▶ ConnectionRefusedError: [Errno 111] Connection refused
       errno 111 is ECONNREFUSED"""
    )


def test_what_hangs_on_an_exception_is_drawn_under_it() -> None:
    timeout = exception("TimeoutError", message="timed out", symbols={})
    inner = exception("OSError", message="no", context=timeout)
    group = (exception(), timeout)
    top = exception("ExceptionGroup", message="2", symbols={}, cause=inner, group=group)
    lost = Unhandled(where="Thread-1 (send)", exception=timeout)
    seen = raised(exception=top, stack=(), unhandled=(lost,))
    assert text_of(*draw_stacks([result(seen)])) == (
        """\
  smtplib on Python 3.13
  ╰▶ ExceptionGroup: 2
       in the group: ConnectionRefusedError: [Errno 111] Connection refused
       in the group: TimeoutError: timed out
       caused by OSError: no
       while handling TimeoutError: timed out
     unhandled in Thread-1 (send): TimeoutError: timed out"""
    )


def test_stacks_that_differ_are_drawn_one_after_the_other() -> None:
    shown = text_of(*draw_stacks([result(), result(returned("3"), attempt="asyncio")]))
    assert shown.endswith("ECONNREFUSED\n\n  asyncio on Python 3.13\n  ╰▶ returned 3")


def test_the_picture_of_the_first_of_those_alike_stands_under_its_stack() -> None:
    first, alike, other = (
        result(),
        result(repeat=2),
        result(returned("3"), attempt="asyncio"),
    )
    ladder = Ladder(
        hosts=("closed.lab",), rows=(LadderRow(at_s=0.0001, source=0, target=1, text="SYN"),)
    )
    sentence = "The SYN was answered with a RST: " + "nobody listens there, " * 5 + "so far."
    first = first.model_copy(update={"ladder": ladder, "because": sentence})
    another = ladder.model_copy(update={"notes": ("Another.",)})
    alike = alike.model_copy(update={"ladder": another, "because": "Another."})
    head, *blocks = text_of(*draw_stacks([first, alike, other])).split("\n\n")
    assert head.startswith("  smtplib on Python 3.13\n")
    assert blocks[0] == draw(ladder)
    assert blocks[1].replace("\n", " ") == sentence
    assert max(map(len, blocks[1].splitlines())) <= 76
    assert blocks[2:] == ["  asyncio on Python 3.13\n  ╰▶ returned 3"]


def test_a_deep_stack_is_folded_and_its_gap_is_shown() -> None:
    deep = frames(*["m:f"] * 128, layer="application")
    shown = text_of(*draw_stacks([result(raised(stack=deep, omitted_frames=900))]))
    assert "  │    (1016 more frames)" in shown.splitlines()
    short = frames("m:a", "m:b", layer="application")
    shown = text_of(*draw_stacks([result(raised(stack=short, omitted_frames=900))]))
    assert "  │    m:a\n  │    (900 frames left out)\n  │    m:b\n" in shown


def test_too_many_distinct_stacks_are_counted() -> None:
    many = [result(returned(str(n)), attempt=f"a{n}") for n in range(9)]
    assert text_of(*draw_stacks(many)).endswith("and 3 more distinct stacks")


def test_names_from_a_report_cannot_move_the_cursor() -> None:
    evil = raised(stack=frames("m\x1b[2J:f\n"), exception=exception("E\x07" * 100))
    shown = text_of(*draw_stacks([result(evil)]))
    assert "\x1b" not in shown
    assert r"m\x1b[2J:f\n" in shown
    assert r"m\x1b[2J:f\n" in text_of(*stack_diff_lines(result(evil)))
