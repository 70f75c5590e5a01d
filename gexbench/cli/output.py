"""How results and errors are printed."""

from __future__ import annotations

import json
import sys
from typing import Any

from gexbench.errors import GexbenchError


def print_json(data: Any) -> None:
    """Print one JSON document on stdout."""
    sys.stdout.write(json.dumps(data, indent=2, ensure_ascii=False, allow_nan=False) + "\n")


def fail(error: Exception, as_json: bool) -> int:
    """Say what went wrong, on stderr and with --json also as a document on stdout; returns the exit code."""
    expected = isinstance(error, GexbenchError)
    message = str(error) if expected else f"unexpected {type(error).__name__}: {error}"
    hint = error.hint if isinstance(error, GexbenchError) else "this is a bug; GEXBENCH_DEBUG=1 shows where"
    code = error.exit_code if isinstance(error, GexbenchError) else 1
    if as_json:
        print_json({"error": message, "hint": hint, "exit_code": code})
    sys.stderr.write(f"error: {message}\n" + (f"hint: {hint}\n" if hint else ""))
    return code
