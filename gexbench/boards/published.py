"""Where boards are read from: a folder that the user has, or the published records that ship with gexbench."""

from __future__ import annotations

from pathlib import Path

from gexbench.errors import BoardError

LEADERBOARDS = Path("leaderboards")
"""Where boards are unless a folder is named."""


def published_root() -> Path:
    """Return the folder of the boards that ship with gexbench, from a wheel or from a checkout."""
    package = Path(__file__).resolve().parent.parent
    for path in (package / "_leaderboards", package.parent / "leaderboards"):
        if path.is_dir():
            return path
    raise BoardError(f"gexbench is installed without its boards (looked below {package})", "install gexbench again")


def read_root(named: Path | None) -> Path:
    """Return the folder to read boards from: the named one, else LEADERBOARDS, else where that is not, what ships.

    Raises BoardError for a named folder that is not there.
    """
    if named is None:
        return LEADERBOARDS if LEADERBOARDS.is_dir() else published_root()
    if not named.is_dir():
        raise BoardError(
            f"there is no folder {named}",
            "--dir names the folder that the boards lie in; without it the published ones",
        )
    return named
