"""Output for every terminal: what its encoding lacks, what no terminal should see, and JSON that is always JSON."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from feature_factory import encoded, noise, write_folder, write_zip

PSNR = ("--metric", "psnr-rgb")


def _gexbench(folder: Path, *words: str | bytes, coding: str = "utf-8:strict") -> subprocess.CompletedProcess[bytes]:
    env = {**os.environ, "PYTHONIOENCODING": coding, "GEXBENCH_HOME": str(folder / "home")}
    return subprocess.run([sys.executable, "-m", "gexbench", "score", *words], capture_output=True, cwd=folder, env=env)


@pytest.fixture
def sides(tmp_path: Path) -> Path:
    """Return a folder with two sides whose names are no ASCII."""
    for name in "ab":
        write_folder(tmp_path / name, {f"é{k}.png": encoded(noise(k, 12, 12)) for k in range(2)})
    os.rename(os.fsencode(tmp_path / "b"), os.fsencode(tmp_path) + b"/b\xff")
    return tmp_path


@pytest.mark.parametrize("coding", ["ascii", "cp1252", "latin-1", "utf-8:strict", "utf-8:surrogateescape"])
def test_any_encoding_and_any_name_will_do(sides: Path, coding: str) -> None:
    done = _gexbench(sides, "a", b"b\xff", *PSNR, coding=coding)
    assert done.returncode == 0, done.stderr
    assert b"psnr-rgb" in done.stdout
    done = _gexbench(sides, "a", b"b\xff", *PSNR, "--json", coding=coding)
    document = json.loads(done.stdout.decode("ascii"))
    assert document["scores"][0]["pairs"][0]["image"] == "é0.png"


def test_a_name_from_a_stranger_moves_no_cursor_and_makes_no_line(sides: Path) -> None:
    write_zip(sides / "a.zip", {"\x1b[2Jpwn\nerror: no.png": b"no picture", "é1.png": b""})
    done = _gexbench(sides, "a.zip", "a", *PSNR)
    assert done.returncode == 2
    assert b"\x1b[2J" not in done.stdout + done.stderr
    assert len(done.stderr.splitlines()) == 2


def test_an_error_about_a_name_that_is_no_text_is_json(sides: Path) -> None:
    (sides / "a" / os.fsdecode(b"\xff0.png")).write_bytes(b"\x89PNG\r\n")
    for coding in ("utf-8:strict", "utf-8:surrogateescape", "ascii"):
        done = _gexbench(sides, "a", "a", *PSNR, "--json", coding=coding)
        assert json.loads(done.stdout.decode("utf-8"))["exit_code"] == done.returncode == 4
        assert b"Traceback" not in done.stderr
