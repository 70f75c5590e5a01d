"""A pipeline of `diffusers`, saved as one file, the same bytes for the same folder. Never imports torch."""

from __future__ import annotations

import hashlib
import os
import zipfile
from pathlib import Path

from gexbench.cards.own import PIPELINE_FILES, PIPELINE_INDEX
from gexbench.engine.store.paths import pipelines_folder
from gexbench.engine.store.zip_member import open_zip
from gexbench.errors import AssetMissing, PlanError
from gexbench.files import new_folder, writing
from gexbench.foreign_text import escaped

PICKLED = (".bin", ".pt", ".pth", ".ckpt", ".pkl", ".msgpack")
_SAVE = "pipe.save_pretrained(FOLDER, safe_serialization=True)"
_EPOCH = (1980, 1, 1, 0, 0, 0)
_CHUNK = 1 << 20


def is_pipeline(place: Path) -> bool:
    """Say whether a path is the folder of a saved pipeline."""
    return (place / PIPELINE_INDEX).is_file()


def is_packed(file: Path) -> bool:
    """Say whether a zip is a packed pipeline; raises DataMissing for a broken one."""
    with open_zip(file) as archive:
        return PIPELINE_INDEX in archive.namelist()


def packed(folder: Path) -> Path:
    """Return the file of a saved pipeline, kept under the hash of its content; folders with equal files give one file.

    Raises PlanError for weights that are pickled and for links, AssetMissing for what cannot be read.
    """
    names = _names(folder)
    place = new_folder(pipelines_folder())
    part = place / "pipeline.zip"
    try:
        with writing(part), zipfile.ZipFile(part, "w", zipfile.ZIP_STORED, allowZip64=True) as archive:
            for name in names:
                _add(archive, folder / name, name)
        with part.open("rb") as file:
            digest = hashlib.file_digest(file, "sha256").hexdigest()
        kept = pipelines_folder() / f"{digest[:32]}.zip"
        with writing(kept):
            part.replace(kept)
        return kept
    finally:
        part.unlink(missing_ok=True)
        place.rmdir()


def _names(folder: Path) -> list[str]:
    names: list[str] = []
    for place, folders, files in os.walk(folder):
        folders[:] = sorted(each for each in folders if not each.startswith("."))
        for name in sorted(files):
            if Path(place, name).is_symlink() and name.endswith(PIPELINE_FILES):
                raise PlanError(f"{escaped(str(Path(place, name)))} is a link", f"save the pipeline anew: {_SAVE}")
        if any(name.endswith(PICKLED) for name in files) and not any(name.endswith(".safetensors") for name in files):
            told = f"{escaped(place)} holds pickled weights, which are never unpickled here"
            raise PlanError(told, f"save the pipeline anew: {_SAVE}")
        names += [
            os.path.relpath(os.path.join(place, name), folder)
            for name in sorted(files)
            if name.endswith(PIPELINE_FILES)
        ]
    return [Path(name).as_posix() for name in names]


def _add(archive: zipfile.ZipFile, path: Path, name: str) -> None:
    try:
        with path.open("rb") as source, archive.open(zipfile.ZipInfo(name, _EPOCH), "w", force_zip64=True) as to:
            while chunk := source.read(_CHUNK):
                to.write(chunk)
    except (FileNotFoundError, PermissionError) as error:
        raise AssetMissing(f"cannot read {escaped(str(path))}: {error.strerror}", "check its permissions") from None
