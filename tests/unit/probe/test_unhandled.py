"""Errors of threads and tasks that never reach the client's code."""

from __future__ import annotations

from typing import Any

from tests.unit.probe.conftest import Probe


def seen(report: dict[str, Any]) -> list[tuple[str, str, str | None]]:
    return [
        (entry["where"], entry["exception"]["type"], entry["exception"]["message"])
        for entry in report["unhandled"]
    ]


TASKS = """
    import asyncio
    async def fail():
        raise ValueError("lost")
    async def main():
        {body}
    asyncio.run(main())
"""


def test_thread(probe: Probe) -> None:
    report = probe("""
        import json, threading
        thread = threading.Thread(target=json.loads, args=("x",), name="worker")
        thread.start()
        thread.join()
    """)
    assert seen(report) == [
        (
            "thread worker",
            "json.decoder.JSONDecodeError",
            "Expecting value: line 1 column 1 (char 0)",
        )
    ]
    modules = [frame["module"] for frame in report["unhandled"][0]["stack"]]
    assert modules[:2] == ["threading", "threading"]
    assert modules[-1] == "json.decoder"
    assert "Exception in thread worker" in report["stderr"]


def test_sys_exit_in_a_thread_is_nothing(probe: Probe) -> None:
    report = probe("import sys, threading\nthreading.Thread(target=sys.exit).start()")
    assert seen(report) == []


def test_bare_thread_and_destructor(probe: Probe) -> None:
    report = probe("""
        import _thread, time
        class Odd:
            def __del__(self): raise KeyError("del")
        Odd()
        def fail(): raise ValueError("bare")
        _thread.start_new_thread(fail, ())
        time.sleep(0.1)
    """)
    assert seen(report) == [
        ("unraisable", "KeyError", "'del'"),
        ("unraisable", "ValueError", "bare"),
    ]


def test_task_that_is_dropped(probe: Probe) -> None:
    body = 'asyncio.ensure_future(fail()).set_name("worker"); await asyncio.sleep(0.01)'
    report = probe(TASKS.format(body=body))
    assert seen(report) == [("task worker", "ValueError", "lost")]
    assert "Task exception was never retrieved" in report["stderr"]


def test_task_that_is_still_held_at_the_end(probe: Probe) -> None:
    body = "global task; task = asyncio.ensure_future(fail()); await asyncio.sleep(0.01)"
    report = probe(TASKS.format(body=body))
    assert [entry[1:] for entry in seen(report)] == [("ValueError", "lost")]


def test_task_whose_error_is_fetched_is_nothing(probe: Probe) -> None:
    body = "await asyncio.gather(fail(), return_exceptions=True)"
    assert seen(probe(TASKS.format(body=body))) == []


def test_callback(probe: Probe) -> None:
    body = "asyncio.get_running_loop().call_soon(lambda: 1 / 0); await asyncio.sleep(0.01)"
    report = probe(TASKS.format(body=body))
    assert seen(report) == [("event loop", "ZeroDivisionError", "division by zero")]


def test_client_s_own_handlers_handle(probe: Probe) -> None:
    report = probe("""
        import asyncio, threading
        threading.excepthook = lambda args: print(args.exc_type.__name__)
        thread = threading.Thread(target=lambda: 1 / 0)
        thread.start()
        thread.join()
        async def main():
            loop = asyncio.get_running_loop()
            loop.set_exception_handler(lambda loop, context: print(context["message"][:21]))
            loop.call_soon(lambda: 1 / 0)
            await asyncio.sleep(0.01)
        asyncio.run(main())
    """)
    assert report["stdout"] == "ZeroDivisionError\nException in callback\n"
    assert seen(report) == []


def test_many_are_bounded(this_probe: Probe) -> None:
    report = this_probe("""
        import threading
        for _ in range(40):
            threading.Thread(target=lambda: 1 / 0).start()
    """)
    assert len(report["unhandled"]) == 16


def test_frames_are_not_kept_alive(this_probe: Probe) -> None:
    report = this_probe("""
        import threading, weakref
        class Socket: pass
        def fail():
            global reference
            local = Socket()
            reference = weakref.ref(local)
            1 / 0
        thread = threading.Thread(target=fail)
        thread.start()
        thread.join()
        reference()
    """)
    assert report["returned"] == "None"


def test_error_whose_text_fails(this_probe: Probe) -> None:
    report = this_probe("""
        import threading
        class Odd(Exception):
            def __str__(self): return 1 / 0
        def fail(): raise Odd
        threading.Thread(target=fail, name="t").start()
    """)
    assert seen(report) == [("thread t", "__main__.Odd", "<str() raised ZeroDivisionError>")]
