"""How results and errors are printed."""

from __future__ import annotations

import codecs
import io
import json
import sys
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from gexbench.errors import GexbenchError
from gexbench.foreign_text import escaped

if TYPE_CHECKING:
    from pydantic import BaseModel

SCHEMA_VERSION = 1
_PLAIN = str.maketrans(
    {"↑": "^", "↓": "v", "×": "x", "…": "...", "—": "-", "–": "-", "·": "-", "∞": "inf", "≥": ">=", "→": "->"}
)


def print_json(data: Mapping[str, Any]) -> None:
    """Print one JSON document on stdout, in ASCII: it is JSON whatever the encoding of the output.

    Its `schema_version` goes up when the meaning of a key changes or a key goes; keys may come.
    """
    sys.stdout.write(json.dumps({"schema_version": SCHEMA_VERSION, **data}, indent=2, allow_nan=False) + "\n")


def print_model(model: BaseModel) -> None:
    """Print what is written to files as one JSON document, infinities as texts."""
    print_json(json.loads(model.model_dump_json()))


def take_any_text() -> None:
    """Let stdout and stderr take every text: what their encoding lacks becomes a plainer sign or an escape."""
    codecs.register_error("gexbench", _plainer)
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="gexbench")


def _plainer(error: UnicodeError) -> tuple[str | bytes, int]:
    if not isinstance(error, UnicodeEncodeError):
        raise error
    lacking = error.object[error.start : error.end].translate(_PLAIN)
    return lacking.encode("ascii", errors="backslashreplace").decode("ascii"), error.end


def fail(error: Exception, as_json: bool) -> int:
    """Say what went wrong, on stderr and with --json also as a document on stdout; returns the exit code."""
    expected = isinstance(error, GexbenchError)
    message = escaped(str(error) if expected else f"unexpected {type(error).__name__}: {error}", keep="\n")
    hint = error.hint if isinstance(error, GexbenchError) else "this is a bug; GEXBENCH_DEBUG=1 shows where"
    code = error.exit_code if isinstance(error, GexbenchError) else 1
    if as_json:
        print_json({"error": message, "hint": hint, "exit_code": code})
    sys.stderr.write(f"error: {message}\n" + (f"hint: {hint}\n" if hint else ""))
    return code
