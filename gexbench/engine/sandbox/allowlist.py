"""Allow a folder but for what is private in it, where rules can only allow, and always with everything below."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path


def allow_except(root: Path, private: Sequence[Path]) -> tuple[list[Path], list[Path]]:
    """Split a folder into the paths to allow so that nothing in `private` is among or below them.

    Returns (paths to read with all below them, folders to list). Both arguments are resolved first; private paths may
    lie anywhere and need not exist. Symbolic links inside a folder that is split are left out: what they lead to is
    allowed only where it is itself below an allowed path. A hard link to a private file cannot be told from a file.
    """
    top, hidden = os.path.realpath(root), resolved(private)
    if any(within(top, secret) for secret in hidden) or not os.path.exists(top):
        return [], []
    read, listing = split(top, below(top, hidden))
    return list(map(Path, read)), list(map(Path, listing))


def split(place: str, hidden: frozenset[str]) -> tuple[list[str], list[str]]:
    """Split a resolved path by the resolved private paths below it; returns (to read, to list)."""
    if not hidden or not os.path.isdir(place):
        return [place], []
    read: list[str] = []
    listing = [place]
    for child in sorted(os.scandir(place), key=lambda entry: entry.name):
        if child.path not in hidden and not child.is_symlink():
            kept, listed = split(child.path, below(child.path, hidden))
            read += kept
            listing += listed
    return read, listing


def resolved(private: Sequence[Path]) -> frozenset[str]:
    """Resolve private paths, twice each: what they lead to, and the name itself in its resolved folder."""
    targets = {os.path.realpath(path) for path in private}
    names = {os.path.join(os.path.realpath(os.path.dirname(path)), os.path.basename(path)) for path in private}
    return frozenset(targets | names)


def within(place: str, folder: str) -> bool:
    """Tell whether a resolved path is a folder or lies below it."""
    return place == folder or place.startswith(folder.rstrip("/") + "/")


def below(folder: str, hidden: frozenset[str]) -> frozenset[str]:
    """Return the private paths strictly below a folder."""
    return frozenset(secret for secret in hidden if secret != folder and within(secret, folder))
