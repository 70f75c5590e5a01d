"""What a child runs: its module, and then an end of its own, since the interpreter's takes half a second with torch."""

from __future__ import annotations

import atexit
import contextlib
import os
import runpy
import sys


def main() -> None:
    """Run the module that the command line names, with the arguments behind it, as `python -m` does.

    Threads and hooks of the module are waited for as ever. The hook of this function is registered before all others,
    so it runs after them; it flushes what was printed and ends the process with the module's own exit code.
    """
    ends = [1]  # an exception that nobody caught
    atexit.register(lambda: _end(ends[-1]))
    sys.argv = sys.argv[1:]
    try:
        runpy.run_module(sys.argv[0], run_name="__main__", alter_sys=True)
        ends.append(0)
    except SystemExit as end:
        ends.append(end.code if isinstance(end.code, int) else int(end.code is not None))
        if isinstance(end.code, str):
            print(end.code, file=sys.stderr)


def _end(code: int) -> None:
    for stream in (sys.stdout, sys.stderr):
        with contextlib.suppress(Exception):
            stream.flush()
    os._exit(code & 0xFF)


if __name__ == "__main__":
    main()
