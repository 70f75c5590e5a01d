"""Images out of a data set that Hugging Face `datasets` saved, on this disk; no network is asked."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

from gexbench.core.images import decode_8bit
from gexbench.core.plain_png import plain_png
from gexbench.engine.store.rebuild import lay
from gexbench.errors import AssetMissing, DataMissing, nearest
from gexbench.foreign_text import escaped, shown

Progress = Callable[[str, int, int], None]
_AS_SAVED = "give a folder of save_to_disk, or a .parquet file or a folder of such"


def unpack(place: Path, to: Path, columns: Sequence[str], progress: Progress) -> dict[str, int]:
    """Write each image as a PNG of its pixels, `<column>/000000.png`, and return how many each folder got.

    Where a set has parts, such as train and test, their names come first: `train/<column>/000000.png`. columns: which
    ones, all of images where none is named. The bytes of a file depend on the pixels alone, so that hashes of the files
    are the same on every machine. Raises AssetMissing without `datasets`, DataMissing for what cannot be read.
    """
    parts = _opened(Path(os.path.expanduser(place)))
    counts: dict[str, int] = {}
    for part, table in parts.items():
        _refuse_odd(part)
        for column in _columns(table, columns):
            _refuse_odd(column)
            folder = f"{part}/{column}" if part else column
            for number, image in enumerate(_images(table, column)):
                lay(to / folder / f"{number:06d}.png", image)
                progress(folder, number + 1, len(table))
                counts[folder] = number + 1
    return counts


def _opened(place: Path) -> dict[str, Any]:
    try:
        import datasets
    except ImportError:
        raise AssetMissing("sets of Hugging Face need the package datasets", "pip install 'gexbench[hf]'") from None
    if not place.exists():
        raise DataMissing(f"no data set at {escaped(str(place))}", _AS_SAVED)
    tables = sorted(place.glob("**/*.parquet")) if place.is_dir() else [place]
    try:
        if tables and tables[0].suffix == ".parquet":
            from pyarrow import concat_tables, parquet

            read = datasets.Dataset(concat_tables([parquet.read_table(each) for each in tables]))
        else:
            read = datasets.load_from_disk(str(place))
    except Exception as error:  # whatever the library makes of it
        raise DataMissing(f"{escaped(str(place))} cannot be read: {shown(str(error), 200)}", _AS_SAVED) from None
    return dict(read) if isinstance(read, dict) else {"": read}


def _refuse_odd(name: str) -> None:
    if name and re.fullmatch(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,100}", name) is None:
        raise DataMissing(f"{escaped(name[:100])!r} cannot be a folder's name", "rename it, and save the set again")


def _columns(table: Any, wanted: Sequence[str]) -> list[str]:
    import datasets

    found = [name for name, kind in table.features.items() if isinstance(kind, datasets.Image)]
    for name in wanted:
        if name not in found:
            raise DataMissing(f"no column {name!r} of images", nearest(name, found))
    if not found:
        raise DataMissing(f"no column of images among {', '.join(table.features)}", "cast it to datasets.Image()")
    return [name for name in found if not wanted or name in wanted]


def _images(table: Any, column: str) -> Iterator[bytes]:
    import datasets

    raw = table.select_columns([column]).cast_column(column, datasets.Image(decode=False))
    for number, row in enumerate(raw):
        held = row[column] or {}
        if not held.get("bytes"):
            what = "a path in place of an image" if held.get("path") else "no image"
            raise DataMissing(
                f"{column}, row {number}: {what}", "save the set with its images inside, as to_parquet does"
            )
        yield plain_png(decode_8bit(held["bytes"], f"{column}, row {number}"))
