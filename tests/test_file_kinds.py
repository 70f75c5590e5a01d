"""What a file is, by its first bytes."""

from __future__ import annotations

import gzip
import io
import os
import pickle
import sys
import tarfile
import zipfile
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest
import safetensors.torch
import torch
from PIL import Image

from gexbench.file_kinds import HEAD, kind_of, what_is


def _saved(value: object, **how: bool) -> bytes:
    held = io.BytesIO()
    torch.save(value, held, **how)
    return held.getvalue()


def _arrays(save: object, *values: object, **named: object) -> bytes:
    held = io.BytesIO()
    save(held, *values, **named)  # type: ignore[operator]
    return held.getvalue()


def _image(container: str) -> bytes:
    held = io.BytesIO()
    Image.new("RGB", (5, 4)).save(held, container)
    return held.getvalue()


def _zip(name: str) -> bytes:
    held = io.BytesIO()
    with zipfile.ZipFile(held, "w") as archive:
        archive.writestr(name, b"content")
    return held.getvalue()


def _tar() -> bytes:
    held = io.BytesIO()
    with tarfile.open(fileobj=held, mode="w") as archive:
        archive.addfile(tarfile.TarInfo("a.png"))
    return held.getvalue()


WEIGHTS = {"g_ema": {"conv.weight": torch.zeros(2)}, "latent_avg": torch.zeros(2)}
FILES = {
    "empty": b"",
    "html": b"\n <!-- moved -->\n<!DOCTYPE html><title>Sign in</title>",
    "lfs": b"version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 1\n",
    "annex": b"/annex/objects/SHA256E-s1--00.png\n",
    "error": b'{"message": "Not Found", "status": "404"}',
    "json": b'{"format": "gexbench", "seed": 1}',
    "text": b"404: Not Found",
    "zeros": bytes(100),
    "gzip": gzip.compress(b"a"),
    "tar": _tar(),
    "7z": b"7z\xbc\xaf\x27\x1c\0\4",
    "rar": b"Rar!\x1a\x07\0",
    "zip": _zip("a.png"),
    "npz": _arrays(np.savez, w=np.zeros(3)),
    "npy": _arrays(np.save, np.zeros(3)),
    "hdf5": b"\x89HDF\r\n\x1a\n\0",
    "safetensors": safetensors.torch.save({"a": torch.zeros(2)}),
    "torch": _saved({"a": torch.zeros(2)}),
    "rosinality": _saved(WEIGHTS),
    "numpy-pickle": pickle.dumps({"a": np.zeros(2)}),
    "pickle": pickle.dumps({"a": [1, 2]}),
    "onnx": b"\x08\x07\x12\x07pytorch\x1a\x052.0.1:\xd4",
    "pdf": b"%PDF-1.7\n",
    "video": b"\0\0\0\x18ftypmp42",
    "heic": b"\0\0\0\x18ftypheic",
    "png": _image("PNG"),
    "jpeg": _image("JPEG"),
    "webp": _image("WEBP"),
    "bmp": _image("BMP"),
    "tiff": _image("TIFF"),
    "pnm": _image("PPM"),
}


@pytest.mark.parametrize("name", FILES)
def test_a_file_is_known_by_its_first_bytes_whatever_it_is_called(name: str, tmp_path: Path) -> None:
    (tmp_path / "0001.jpg").write_bytes(FILES[name])
    kind = what_is(tmp_path / "0001.jpg")
    assert kind is not None
    assert kind.name == name


@pytest.mark.parametrize("protocol", range(6))
def test_a_pickle_of_tensorflow_is_known_in_every_protocol(protocol: int, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("dnnlib", "dnnlib.tflib", "dnnlib.tflib.network"):
        monkeypatch.setitem(sys.modules, name, ModuleType(name))
    network = type("Network", (), {"__module__": "dnnlib.tflib.network"})
    monkeypatch.setattr(sys.modules["dnnlib.tflib.network"], "Network", network, raising=False)
    kind = kind_of(pickle.dumps((network(), network()), protocol))
    assert kind is not None
    assert kind.name == "tf-pickle"
    assert "legacy.py" in kind.way_out


@pytest.mark.parametrize(("value", "name"), [({"a": torch.zeros(2)}, "torch"), (WEIGHTS, "rosinality")])
def test_what_torch_wrote_before_1_6_is_known(value: object, name: str) -> None:
    kind = kind_of(_saved(value, _use_new_zipfile_serialization=False))
    assert kind is not None
    assert kind.name == name


def test_a_page_is_known_in_other_encodings() -> None:
    for page in ("<html>é".encode("latin-1"), "<html>é".encode("utf-16"), "<!DOCTYPE HTML>".encode("utf-8-sig")):
        kind = kind_of(page)
        assert kind is not None
        assert kind.name == "html"


def test_nothing_is_run_to_find_out(tmp_path: Path) -> None:
    mark = tmp_path / "mark"

    class Evil:
        def __reduce__(self) -> tuple[object, tuple[str]]:
            return os.mkdir, (str(mark),)

    for protocol in range(6):
        kind = kind_of(pickle.dumps(Evil(), protocol))
        assert kind is not None
        assert kind.name == "pickle"
    assert not mark.exists()


def test_what_is_no_regular_file_is_not_opened(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "away").symlink_to(".git/annex/objects/x/y/SHA256E-s1--00.png")
    (tmp_path / "lost").symlink_to("nowhere")
    (tmp_path / "model").mkdir()
    (tmp_path / "model/saved_model.pb").touch()
    found = {name: what_is(tmp_path / name) for name in ("pipe", "away", "lost", "model", ".", "gone")}
    assert {name: kind and kind.name for name, kind in found.items()} == {
        "pipe": "no-file",
        "away": "link",
        "lost": "link",
        "model": "saved-model",
        ".": "folder",
        "gone": None,
    }
    assert found["away"] is not None
    assert "git annex get" in found["away"].way_out


def test_heads_that_are_cut_or_damaged_raise_nothing() -> None:
    for whole in FILES.values():
        for at in range(min(len(whole), 200)):
            kind_of(whole[:at])
            kind_of(whole[:at] + b"\xff" + whole[at + 1 : HEAD])
