"""What an attack left of its surrogate is taken over only where it is plain, whole and of bounded size."""

from __future__ import annotations

import hashlib
import json
import os
import struct
from collections.abc import Callable
from pathlib import Path

import pytest
import safetensors.torch
import torch

from gexbench.engine.attacker.kept import digest
from gexbench.engine.run import taking
from gexbench.engine.run.taking import take
from gexbench.errors import OutputError, RunFailed

WEIGHTS = safetensors.torch.save({"gain": torch.ones(3)})


@pytest.fixture
def saved(tmp_path: Path) -> Path:
    """What an attack saved, as it should be."""
    folder = tmp_path / "saved"
    folder.mkdir()
    (folder / "class.txt").write_text("a.b:Net\n")
    (folder / "config.json").write_text('{"scale":   4, "name": "\\ud800"}')
    (folder / "model.safetensors").write_bytes(WEIGHTS)
    return folder


def test_class_config_and_weights_are_copied_and_known_by_one_digest(saved: Path, tmp_path: Path) -> None:
    (saved / "more.bin").write_bytes(b"hidden")
    os.utime(saved / "model.safetensors", (7, 7))
    kept = tmp_path / "kept"
    assert take(saved, kept) == digest(kept)
    assert sorted(path.name for path in kept.iterdir()) == ["class.txt", "config.json", "model.safetensors"]
    assert (kept / "class.txt").read_text() == "a.b:Net\n"
    assert (kept / "config.json").read_text() == '{"scale": 4, "name": "\\ud800"}'
    assert hashlib.sha256((kept / "model.safetensors").read_bytes()).digest() == hashlib.sha256(WEIGHTS).digest()
    assert (kept / "model.safetensors").stat().st_mtime != 7
    assert not saved.exists()


def test_a_surrogate_without_weights_is_taken_and_an_earlier_ones_are_gone(saved: Path, tmp_path: Path) -> None:
    (tmp_path / "kept").mkdir()
    (tmp_path / "kept" / "model.safetensors").write_bytes(WEIGHTS)
    (saved / "model.safetensors").unlink()
    take(saved, tmp_path / "kept")
    assert sorted(path.name for path in (tmp_path / "kept").iterdir()) == ["class.txt", "config.json"]


def linked(file: Path, secret: Path) -> None:
    file.symlink_to(secret)


def dangling(file: Path, secret: Path) -> None:
    file.symlink_to(secret.with_name("nowhere"))


def twice(file: Path, secret: Path) -> None:
    os.link(secret, file)


def pipe(file: Path, secret: Path) -> None:
    os.mkfifo(file)


def directory(file: Path, secret: Path) -> None:
    file.mkdir()


@pytest.mark.parametrize("left", [linked, dangling, twice, pipe, directory])
@pytest.mark.parametrize("name", ["class.txt", "config.json", "model.safetensors"])
def test_what_is_no_plain_file_is_refused_and_not_followed(
    saved: Path, tmp_path: Path, name: str, left: Callable[[Path, Path], None]
) -> None:
    secret = tmp_path / "secret"
    secret.write_bytes((saved / name).read_bytes())
    (saved / name).unlink()
    left(saved / name, secret)
    with pytest.raises(RunFailed, match=f"its {name} (cannot be read|is something else than a file)"):
        take(saved, tmp_path / "kept")
    assert secret.is_file()
    assert not (tmp_path / "kept" / name).exists()


def test_a_folder_that_is_a_link_is_not_entered(saved: Path, tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to(saved)
    with pytest.raises(RunFailed, match="there is no folder of it"):
        take(tmp_path / "link", tmp_path / "kept")
    assert (saved / "model.safetensors").exists()


def header(text: object, after: bytes = b"") -> bytes:
    body = json.dumps(text).encode()
    return struct.pack("<Q", len(body)) + body + after


GAIN = {"dtype": "F32", "shape": [1], "data_offsets": [0, 4]}


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"\0",
        b"a pickle, perhaps",
        WEIGHTS[:-4],
        WEIGHTS + b"more",
        struct.pack("<Q", 1 << 40) + b"{}",
        header({"__metadata__": {"code": "print(1)"}, "gain": GAIN}, bytes(4)),
        header({"gain": GAIN}, bytes(8)),
    ],
    ids=["empty", "a zero", "other", "cut off", "longer", "a long header", "metadata", "a hole"],
)
def test_weights_that_are_not_plain_safetensors_are_refused(saved: Path, tmp_path: Path, content: bytes) -> None:
    (saved / "model.safetensors").write_bytes(content)
    with pytest.raises(RunFailed, match="not safetensors"):
        take(saved, tmp_path / "kept")
    assert not (tmp_path / "kept" / "model.safetensors").exists()


@pytest.mark.parametrize(
    ("name", "size"), [("model.safetensors", 1 << 40), ("config.json", 2 << 20), ("class.txt", 2 << 20)]
)
def test_what_is_too_large_is_refused_before_it_is_read(saved: Path, tmp_path: Path, name: str, size: int) -> None:
    os.truncate(saved / name, size)
    with pytest.raises(RunFailed, match=f"its {name} takes {size:,} bytes, at most"):
        take(saved, tmp_path / "kept")


@pytest.mark.parametrize("name", ["class.txt", "config.json"])
def test_a_surrogate_without_its_class_or_config_is_refused(saved: Path, tmp_path: Path, name: str) -> None:
    (saved / name).unlink()
    with pytest.raises(RunFailed, match=f"its {name} cannot be read"):
        take(saved, tmp_path / "kept")


def test_a_disk_that_cannot_be_written_is_not_the_attacks_fault(
    saved: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(OutputError):
        take(saved, tmp_path / "file" / "kept")
    assert taking.LONGEST_HEADER < taking.LARGEST_WEIGHTS
