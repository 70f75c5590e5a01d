"""Fetch one distribution file with pip's own finder and session, and build nothing.

Run as a script by `pypi`, in a process of its own: `pip download` would run the build code of a source distribution
to learn its metadata; pip's finder and session do not, and they bring the user's indexes, find-links, proxy,
certificate, login and cache. Nothing of gexbench is imported here.
"""

from __future__ import annotations

import hashlib
import logging
import sys
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path
from typing import Any

CHUNK = 1 << 18
NO_PIP, NOT_FOUND, FAILED, UNWRITABLE = 10, 11, 12, 13


def main(project: str, version: str, form: str, folder: str) -> int:
    """Save the file into `folder`; print "done total" lines, then its name.

    form: "sdist", or "any" for a wheel where there is one.
    """
    try:
        command = import_module("pip._internal.commands").create_command("download")
    except ImportError:
        return NO_PIP
    # pip says why an index gave nothing, but only at this level.
    logging.basicConfig(level=logging.WARNING, format="%(message)s")
    logging.getLogger("pip._internal.index.collector").setLevel(logging.DEBUG)
    # A user who forbids source distributions forbids building them; nothing is built here.
    options, _ = command.parse_args(["--no-input", "--no-binary=:none:", "--only-binary=:none:"])
    with command.main_context():
        session = command.get_default_session(options)
        finder = command._build_package_finder(options=options, session=session, ignore_requires_python=True)
        found = [c.link for c in finder.find_all_candidates(project) if str(c.version) == version]
        links = [link for link in found if form == "any" or not link.is_wheel]
        if not links:
            return NOT_FOUND
        return _save(session, min(links, key=lambda link: (not link.is_wheel, link.filename)), Path(folder))


def _save(session: Any, link: Any, folder: Path) -> int:
    name = Path(link.filename).name
    part = folder / f"{name}.part"
    try:
        _receive(session, link.url.split("#", 1)[0], part)
    except _Broken as error:
        return _fail(FAILED, str(error))
    except OSError as error:
        return _fail(UNWRITABLE, str(error.errno))
    if link.hash_name and _digest(part, link.hash_name) != link.hash:
        part.unlink()
        return _fail(FAILED, f"{name} differs from the hash its index gives")
    part.replace(folder / name)
    print(name, flush=True)
    return 0


class _Broken(Exception):
    """The network failed; the errors of pip's session are OSErrors, as those of the disk are."""


def _receive(session: Any, url: str, part: Path) -> None:
    have = part.stat().st_size if part.exists() else 0
    headers = {"Accept-Encoding": "identity"} | ({"Range": f"bytes={have}-"} if have else {})
    response = _ask(session, url, headers)
    if response.status_code == 416:
        part.unlink()
        response = _ask(session, url, {"Accept-Encoding": "identity"})
    with response:
        have = have if response.status_code == 206 else 0
        total = have + int(response.headers.get("Content-Length", 0))
        with part.open("ab" if have else "wb") as out:
            for chunk in _chunks(response):
                out.write(chunk)
                have += len(chunk)
                print(have, total, flush=True)
    if have < total and "Content-Encoding" not in response.headers:
        # where pip brings urllib3 1, an answer that broke off ends like a whole one
        raise _Broken(f"the connection broke after {have} of {total} bytes")


def _ask(session: Any, url: str, headers: dict[str, str]) -> Any:
    try:
        response = session.get(url, headers=headers, stream=True)
        if response.status_code != 416:
            response.raise_for_status()
    except OSError as error:
        raise _Broken(str(error)) from error
    return response


def _chunks(response: Any) -> Iterator[bytes]:
    try:
        yield from response.iter_content(CHUNK)
    except OSError as error:
        raise _Broken(str(error)) from error


def _digest(path: Path, name: str) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, name).hexdigest()


def _fail(code: int, reason: str) -> int:
    print(reason, file=sys.stderr)
    return code


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
