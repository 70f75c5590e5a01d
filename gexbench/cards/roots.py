"""Where cards come from: the packaged registry, installed plug-ins, folders the user names."""

from __future__ import annotations

import importlib.metadata
import importlib.util
import os
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache, cached_property
from pathlib import Path

from gexbench.errors import CardError
from gexbench.foreign_text import PARAGRAPH, shown

ENTRY_POINT_GROUP = "gexbench.cards"


@dataclass(frozen=True)
class CardRoot:
    """A folder of cards. `code` is the folder whose modules its entry strings name, or None for installed packages.

    `outside` roots must put a namespace before every name (`alice/mykd`).
    """

    path: Path
    origin: str
    outside: bool = True
    code: Path | None = None

    @cached_property
    def is_submission(self) -> bool:
        """Whether the folder is one submission: a card.toml and its code."""
        return (self.path / "card.toml").is_file()


def packaged_root() -> CardRoot:
    """Return the registry that ships with gexbench, from a wheel or from a checkout."""
    package = Path(__file__).resolve().parent.parent
    for path in (package / "_registry", package.parent / "registry"):
        if (path / "tasks").is_dir():
            return CardRoot(path, "gexbench", outside=False)
    raise CardError(f"gexbench is installed without its registry (looked below {package})", "install gexbench again")


def installed_roots() -> list[CardRoot]:
    """Return the card folders of installed packages that declare the entry point group `gexbench.cards`.

    The entry point's value names a package folder (`my_plugin.cards`); it is found without importing anything. One that
    is broken is skipped, with a line on stderr.
    """
    found = []
    for point in importlib.metadata.entry_points(group=ENTRY_POINT_GROUP):
        try:
            found.append(_installed(point))
        except Exception as error:  # whatever a package did wrong is no affair of the others
            skipped(str(error) if isinstance(error, CardError) else f"the installed plug-in {point.name!r}: {error!r}")
    return found


@cache
def skipped(why: str) -> None:
    """Say once in a process, on stderr unless logging is set up otherwise, that something from outside is left out."""
    import logging  # seldom needed, and a part of what `gexbench list` would wait for

    logging.getLogger("gexbench").warning("warning: skipped: %s", shown(why, PARAGRAPH))


def _installed(point: importlib.metadata.EntryPoint) -> CardRoot:
    top, *below = point.value.split(".")
    spec = importlib.util.find_spec(top)
    places = list(spec.submodule_search_locations or []) if spec else []
    for place in places:
        folder = Path(place).joinpath(*below)
        if folder.is_dir():
            return CardRoot(folder, f"plug-in {point.name}")
    raise CardError(
        f"the installed plug-in {point.name!r} names the card folder {point.value!r}, which is not there",
        f"correct its entry point in the group {ENTRY_POINT_GROUP!r}, or uninstall it",
    )


def named_root(folder: Path) -> CardRoot:
    """Return a root for a folder the user names: cards by kind below it, or one submission."""
    path = Path(os.path.expanduser(folder)).resolve()
    if not path.is_dir():
        raise CardError(f"no folder of cards at {folder}", "give a folder that holds card.toml, or attacks/*.toml")
    return CardRoot(path, str(folder), code=path)


def all_roots(folders: Iterable[Path] = ()) -> list[CardRoot]:
    """Return every root in the order of trust: packaged, installed, named; a folder that comes twice is one root."""
    outside: dict[Path, CardRoot] = {}
    for root in (*installed_roots(), *map(named_root, folders)):
        outside.setdefault(root.path.resolve(), root)
    return [packaged_root(), *outside.values()]
