"""Lists of files: the pinned hashes beside a data-set card, and the patterns on it."""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path

from gexbench.errors import CardError

_LINE = re.compile(r"^([0-9a-f]{64}) [ *](.+)$")
_RANGE = re.compile(r"\{(\d+)\.\.(\d+)\}")


def read_pins(path: Path) -> dict[str, str]:
    """Read a list as `sha256sum` writes it, "hash  relative/path" a line; returns name to hash.

    Raises CardError when the list is not there, and for a line of another form, a path that leaves its folder, or a
    name that stands twice, naming the line.
    """
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        hint = "put it beside the card; for a set of your own `gexbench data pin` writes it"
        raise CardError(f"cannot read the list of hashes {path}: {error}", hint) from error
    pins: dict[str, str] = {}
    for number, line in enumerate(lines, start=1):
        found = _LINE.match(line)
        if not found or found[2].startswith("/") or ".." in found[2].split("/"):
            hint = "write it with `sha256sum` from the data folder"
            raise CardError(f'{path}, line {number}: {line!r} is not "sha256  relative/path"', hint)
        if found[2] in pins:
            raise CardError(f"{path}, line {number}: {found[2]} is listed twice", "take one of the two lines out")
        pins[found[2]] = found[1]
    return pins


def expand(pattern: str) -> list[str]:
    """Count through `{0001..0800}` in a name, zero-padded as the first number; other names come back alone.

    Raises CardError when the range runs backwards.
    """
    found = _RANGE.search(pattern)
    if not found:
        return [pattern]
    first, last = int(found[1]), int(found[2])
    if last < first:
        raise CardError(f"{pattern!r} counts backwards", f"write {{{found[2]}..{found[1]}}}")
    before, after = pattern[: found.start()], expand(pattern[found.end() :])
    return [f"{before}{n:0{len(found[1])}d}{rest}" for n in range(first, last + 1) for rest in after]


def matching(pattern: str, names: Iterable[str]) -> list[str]:
    """Return the names a pattern means, sorted; `*` is any text within one folder, save a dot at its beginning."""
    seen = re.sub(r"(^|/)\\\*", r"\1(?!\\.)[^/]*", re.escape(pattern))
    wanted = re.compile(seen.replace(r"\*", "[^/]*"))
    return sorted(name for name in names if wanted.fullmatch(name))
