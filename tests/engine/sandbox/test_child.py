"""A child ends as Python would, threads and hooks included, and without the interpreter's own clearing up."""

from __future__ import annotations

from pathlib import Path

import pytest

from .probes import Confine, Probe

FREE = Confine(sandbox=False)


@pytest.mark.parametrize(
    ("last", "code", "told"),
    [
        ("", 0, ""),
        ("sys.exit(None)", 0, ""),
        ("sys.exit(7)", 7, ""),
        ("sys.exit(-1)", 255, ""),
        ("sys.exit('not today')", 1, "not today\n"),
        ("1 / 0", 1, "ZeroDivisionError: division by zero\n"),
    ],
)
def test_a_child_ends_with_the_code_of_its_module(last: str, code: int, told: str, tmp_path: Path) -> None:
    end, log = Probe(tmp_path).run(f"import sys\n{last}\n", (), FREE)
    assert end.code == code
    assert log.endswith(told)
    assert bool(log) == bool(told)


def test_threads_and_hooks_are_waited_for_and_what_was_printed_is_there(tmp_path: Path) -> None:
    program = """
        import atexit, sys, threading, time

        class Last:
            def __del__(self):
                print("cleared up")

        last = Last()
        sys.stdout = open(sys.stdout.fileno(), "w", buffering=1 << 16, closefd=False)
        atexit.register(lambda: print("hook"))
        threading.Thread(target=lambda: (time.sleep(0.2), print("thread"))).start()
        print("module", __name__, sys.argv[1:], __spec__.name)
    """
    end, log = Probe(tmp_path).run(program, ("a", "b"), FREE)
    assert (end.code, end.stragglers) == (0, 0)
    assert log.splitlines() == ["module __main__ ['a', 'b'] program", "thread", "hook"]
