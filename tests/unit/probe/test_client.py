"""What the client's code sees, how its end is reported, and as what its process exits."""

from __future__ import annotations

import pytest

from labctl.probe.client import split_source
from tests.unit.probe.conftest import Probe


def test_runs_as_main(probe: Probe) -> None:
    report = probe("""
        '''The docstring.'''
        import inspect, pickle, sys
        class Picklable: pass
        def function(): "source of function"
        copy = pickle.loads(pickle.dumps(Picklable()))
        (__name__, __file__, __doc__, sys.argv, type(copy) is Picklable, sys.path[:1],
         sys.modules["__main__"].__dict__ is globals(), __builtins__.__name__,
         "source of function" in inspect.getsource(function), "probe" in globals())
    """)
    path = probe("import sys\nsys.path[:1]")["returned"]
    expected = f"""('__main__', '/nowhere/client.py', 'The docstring.', ['/nowhere/client.py'],
        True, {path}, True, 'builtins', True, False)"""
    assert eval(report["returned"]) == eval(expected)  # noqa: S307
    assert "labctl" not in path


def test_last_expression_is_what_it_returns(probe: Probe) -> None:
    assert probe("x = 20\nx + 1")["returned"] == "21"
    assert probe("x = 20\nif x:\n    x + 1")["returned"] == "None"
    assert probe("x = 20")["returned"] == "None"


def test_one_literal_alone_is_a_docstring() -> None:
    body, last = split_source('"""text"""', "f")
    assert last is None
    namespace: dict[str, object] = {}
    exec(body, namespace)  # noqa: S102
    assert namespace["__doc__"] == "text"


def test_one_call_alone_is_an_expression() -> None:
    assert split_source("print()", "f")[1] is not None


def test_future_imports_hold_for_the_last_expression(probe: Probe) -> None:
    source = "from __future__ import annotations\nx = 1\n(lambda: 1).__code__.co_flags"
    body, last = split_source(source, "f")
    assert last is not None
    assert last.co_flags & body.co_flags & 0x1000000
    assert probe(source)["outcome"] == "returned"


def test_probe_flags_do_not_leak_into_the_client(probe: Probe) -> None:
    report = probe("def f(x: undefined): pass\n")
    assert report["exception"]["type"] == ("NameError" if probe.minor < 14 else None)


def test_line_numbers_are_the_source_s(probe: Probe) -> None:
    hook = "lambda *e: print(e[2].tb_frame.f_code.co_filename, e[2].tb_lineno, e[2].tb_next)"
    report = probe(f"import sys\nsys.excepthook = {hook}\nx = 1\n\n1 / 0")
    assert report["stdout"] == "/nowhere/client.py 5 None\n"
    assert report["stack"] == []


def test_traceback_is_left_to_the_report(probe: Probe) -> None:
    report = probe("def f():\n    raise ValueError('x')\nf()\n")
    assert report["stderr"] == ""
    assert report["exit"] == 1


@pytest.mark.parametrize(
    ("source", "exit_code", "stderr"),
    [
        ("import sys; sys.exit()", 0, ""),
        ("import sys; sys.exit(3)", 3, ""),
        ("import sys; sys.exit(True)", 1, ""),
        ("import sys; sys.exit('text')", 1, "text\n"),
        ("raise SystemExit(257)", 1, ""),
    ],
)
def test_system_exit_is_raised(probe: Probe, source: str, exit_code: int, stderr: str) -> None:
    report = probe(source)
    assert (report["outcome"], report["exception"]["type"]) == ("raised", "SystemExit")
    assert (report["exit"], report["stderr"]) == (exit_code, stderr)


@pytest.mark.parametrize(("name", "exit_code"), [("KeyboardInterrupt", 130), ("GeneratorExit", 1)])
def test_other_base_exceptions_are_raised(this_probe: Probe, name: str, exit_code: int) -> None:
    report = this_probe(f"raise {name}")
    assert (report["outcome"], report["exception"]["type"]) == ("raised", name)
    assert report["exit"] == exit_code


def test_elapsed_leaves_out_the_start_of_python(probe: Probe) -> None:
    assert probe("import time; time.sleep(0.2)\nx = 1")["elapsed_s"] >= 0.2
    # A busy machine makes anything late: one try in ten that it leaves alone is enough.
    assert any(probe("x = 1")["elapsed_s"] < 0.005 for _ in range(10))


@pytest.mark.parametrize(
    ("source", "returned"),
    [
        ("x = 1\nfloat('nan')", "nan"),
        ("x = 1\nobject()", "<object object>"),
        ("x = 1\n'y' * 5000", "'" + "y" * 4095 + "[... 906 more characters]"),
        ("x = 1\n[1] * 5000", ("[" + "1, " * 5000)[:4096] + "[... 10904 more characters]"),
        ("class A:\n  def __repr__(self): return 1 / 0\nA()", "<repr() raised ZeroDivisionError>"),
    ],
)
def test_repr_is_bounded_and_guarded(this_probe: Probe, source: str, returned: str) -> None:
    assert this_probe(source)["returned"] == returned


def test_atexit_functions_and_threads_run_before_the_end(probe: Probe) -> None:
    report = probe("""
        import atexit, threading, time
        atexit.register(print, "at exit")
        def later():
            time.sleep(0.05)
            print("in thread")
        threading.Thread(target=later).start()
    """)
    assert report["stdout"] == "in thread\nat exit\n"


def test_own_excepthook_is_called(this_probe: Probe) -> None:
    report = this_probe("""
        import sys
        sys.excepthook = lambda kind, error, traceback: print("mine", kind.__name__)
        1 / 0
    """)
    assert (report["stdout"], report["stderr"]) == ("mine ZeroDivisionError\n", "")


def test_failing_excepthook_is_no_harm(this_probe: Probe) -> None:
    report = this_probe("""
        import sys
        sys.excepthook = lambda *args: [][0]
        1 / 0
    """)
    assert report["stderr"].endswith("ZeroDivisionError: division by zero\n")


def test_stream_that_can_not_be_flushed_exits_as_cpython_does(this_probe: Probe) -> None:
    report = this_probe("""
        import sys
        class Odd:
            closed = False
            def flush(self): raise ValueError
            def write(self, text): pass
        sys.stdout = Odd()
    """)
    assert (report["outcome"], report["exit"]) == ("returned", 120)


def test_output_before_stdout_was_replaced_is_there(this_probe: Probe) -> None:
    report = this_probe("""
        import io, sys
        print("before")
        sys.stdout = io.StringIO()
        print("after")
    """)
    assert report["stdout"] == "before\n"


def test_multiprocessing_finds_main(this_probe: Probe, tmp_path: object) -> None:
    report = this_probe(
        """
        import multiprocessing
        def double(x): return 2 * x
        answer = None
        if __name__ == "__main__":
            with multiprocessing.get_context("spawn").Pool(1) as pool:
                answer = pool.map(double, [21])
        answer
        """,
        filename=f"{tmp_path}/client.py",
    )
    assert report["returned"] == "[42]", report["stderr"]
