"""The files below a folder: links are followed once, and what is no file is named."""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from gexbench.errors import DataMissing
from gexbench.foreign_text import escaped

NO_FILE = "no regular file"


@dataclass
class Tree:
    """names: relative paths of files. links: to folders, that were followed. again: links to folders read before.

    odd: other things that are there, each with what it is. folders: all that were read, as real paths.
    """

    names: list[str] = field(default_factory=list)
    links: list[str] = field(default_factory=list)
    again: list[str] = field(default_factory=list)
    odd: list[tuple[str, str]] = field(default_factory=list)
    folders: set[str] = field(default_factory=set)


def hidden(part: str) -> bool:
    """Tell a hidden file or folder, and macOS's folder of resource forks, by one part of its path."""
    return (part.startswith(".") and part != "..") or part == "__MACOSX"


def walk(folder: Path) -> Tree:
    """Return what is below a folder, less what is hidden.

    Real folders come first, so that a folder with a link to it keeps its own name; a folder is read once, however many
    links lead to it. Raises DataMissing naming a folder that cannot be read, and a link without an ending that leads
    nowhere: it may have been a folder of images.
    """
    tree, real, linked = Tree(), deque([""]), deque[str]()
    while real or linked:
        name, by_link = (real.popleft(), False) if real else (linked.popleft(), True)
        where = os.path.realpath(folder / name)
        if by_link:
            (tree.again if where in tree.folders else tree.links).append(name.rstrip("/"))
        if where in tree.folders:
            continue
        tree.folders.add(where)
        for entry in _entries(folder / name):
            _place(tree, entry, name + entry.name, real, linked)
    return tree


def _place(tree: Tree, entry: os.DirEntry[str], name: str, real: deque[str], linked: deque[str]) -> None:
    link = entry.is_symlink()
    try:
        is_folder, is_file = entry.is_dir(), entry.is_file()
    except OSError:  # links in a circle
        is_folder = is_file = False
    if is_folder:
        (linked if link else real).append(name + "/")
    elif is_file or (link and os.path.splitext(name)[1]):
        tree.names.append(name)
    elif link:
        raise DataMissing(
            f"{escaped(entry.path)} is a link to nowhere", "it may have been a folder of images; mend or remove it"
        )
    else:
        tree.odd.append((name, NO_FILE))


def _entries(folder: Path) -> Iterator[os.DirEntry[str]]:
    try:
        with os.scandir(folder) as found:
            yield from sorted((entry for entry in found if not hidden(entry.name)), key=lambda entry: entry.name)
    except OSError as error:
        raise DataMissing(f"cannot read the folder {escaped(str(folder))}: {error.strerror}") from error
