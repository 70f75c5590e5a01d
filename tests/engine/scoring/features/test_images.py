"""Sets of images: folders, zips and tensors; what is taken, and how what cannot be read is named."""

from __future__ import annotations

import io
import os
import struct
import zipfile
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
import torch
from feature_factory import encoded, noise, photos, quiet, write_folder, write_zip
from PIL import Image
from torch import Tensor

from gexbench.cards.catalog import Catalog
from gexbench.core.images import from_uint8
from gexbench.engine.scoring.features.collect import Collector
from gexbench.engine.scoring.features.images import Floats, ImageSet, TensorImages, open_images
from gexbench.errors import DataMissing


def _digest(images: ImageSet) -> str:
    with Collector(Catalog(()), "cpu") as collector:
        return collector.digest(images, quiet)


SMALL = encoded(noise(0))


def _saved(image: Image.Image, format: str = "PNG", **options: object) -> bytes:
    held = io.BytesIO()
    image.save(held, format, **options)
    return held.getvalue()


def _turned() -> bytes:
    image = Image.new("RGB", (3, 2))
    image.putpixel((0, 0), (255, 0, 0))
    exif = Image.Exif()
    exif[0x0112] = 6
    return _saved(image, exif=exif)


def _palette() -> bytes:
    image = Image.new("P", (2, 2), 1)
    image.putpalette([9, 9, 9, 10, 20, 30])
    return _saved(image)


FILES = {
    "b/deep/wide.PNG": encoded(noise(1, 3, 9)),
    "b/photo.JpEg": encoded(noise(2, 16, 16), "JPEG"),
    "a.png": encoded(noise(3, 8, 4)),
    "grey.png": _saved(Image.new("L", (2, 2), 77)),
    "palette.png": _palette(),
    "glass.png": _saved(Image.new("RGBA", (2, 2), (10, 20, 30, 0))),
    "deep.png": _saved(Image.fromarray(np.full((2, 2), 0x8080, dtype=np.uint16))),
    "turned.png": _turned(),
    "z.webp": _saved(Image.new("RGB", (4, 4), (1, 2, 3)), "WEBP", lossless=True),
    "z.bmp": encoded(noise(4), "BMP"),
}
OTHERS = {
    ".hidden.png": SMALL,
    ".git/x.png": SMALL,
    "__MACOSX/._a.png": SMALL,
    "__MACOSX/b/a.png": SMALL,
    "readme.txt": b"not an image",
    "png": SMALL,
    "b/list.csv": b"1,2",
    "a.png.part": b"half",
}


def _pixels(images: ImageSet, name: str) -> Tensor:
    index = list(images.names).index(name)
    return images.decode(images.content(index), index)


@pytest.fixture(params=["folder", "zip"])
def place(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    """Return images and other files, as a folder and as a zip."""
    if request.param == "folder":
        return write_folder(tmp_path / "photos", FILES | OTHERS)
    return write_zip(tmp_path / "photos.zip", FILES | OTHERS)


def test_takes_images_of_all_folders_and_leaves_out_the_rest(place: Path) -> None:
    assert list(open_images(place).names) == sorted(FILES)


def test_every_kind_of_file_becomes_8_bit_rgb(place: Path) -> None:
    images = open_images(place)
    for name in images.names:
        assert _pixels(images, name).dtype == torch.uint8
    assert torch.equal(_pixels(images, "b/deep/wide.PNG"), noise(1, 3, 9))
    assert torch.equal(_pixels(images, "z.bmp"), noise(4))
    corners = {name: _pixels(images, name)[:, 0, 0].tolist() for name in ("grey.png", "palette.png", "glass.png")}
    assert corners == {"grey.png": [77] * 3, "palette.png": [10, 20, 30], "glass.png": [255] * 3}
    assert _pixels(images, "deep.png")[:, 0, 0].tolist() == [128] * 3
    assert _pixels(images, "turned.png").shape == (3, 3, 2)
    assert _pixels(images, "turned.png")[0, 0, 1] == 255


def test_a_zip_is_its_folder(tmp_path: Path) -> None:
    folder = open_images(write_folder(tmp_path / "photos", FILES | OTHERS))
    packed = open_images(write_zip(tmp_path / "photos.zip", dict(reversed((FILES | OTHERS).items()))))
    assert list(folder.names) == list(packed.names)
    for index in range(len(FILES)):
        assert folder.content(index) == packed.content(index)
    assert _digest(folder) == _digest(packed)


def test_the_digest_is_of_content_alone(tmp_path: Path) -> None:
    files = photos(4)
    renamed = {f"{index}/x.png": content for index, content in enumerate(reversed(files.values()))}
    first = _digest(open_images(write_folder(tmp_path / "a", files)))
    assert first == _digest(open_images(write_folder(tmp_path / "b", renamed)))
    twice = files | {"again.png": files["0000.png"]}
    assert first != _digest(open_images(write_folder(tmp_path / "c", twice)))
    assert first != _digest(open_images(write_folder(tmp_path / "d", photos(5))))


def test_a_text_as_path_and_a_tilde_will_do(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_folder(tmp_path / "photos", photos(1))
    monkeypatch.setenv("HOME", str(tmp_path))
    assert list(open_images("~/photos").names) == ["0000.png"]


@pytest.mark.parametrize("packed", [False, True], ids=["folder", "zip"])
def test_a_truncated_file_is_named_when_it_is_read(tmp_path: Path, packed: bool) -> None:
    whole = encoded(noise(1, 64, 64), "JPEG")
    files = {"good.jpg": whole, "in/half.jpg": whole[: len(whole) // 2]}
    place = write_zip(tmp_path / "p.zip", files) if packed else write_folder(tmp_path / "p", files)
    images = open_images(place)
    assert _pixels(images, "good.jpg").shape == (3, 64, 64)
    with pytest.raises(DataMissing, match=r"in/half\.jpg") as caught:
        _pixels(images, "in/half.jpg")
    assert str(place) in str(caught.value)


def test_a_place_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(DataMissing, match=f"no folder or zip at {tmp_path / 'gone'}"):
        open_images(tmp_path / "gone")


@pytest.mark.parametrize("packed", [False, True], ids=["folder", "zip"])
def test_a_place_without_images_says_what_images_are(tmp_path: Path, packed: bool) -> None:
    place = write_zip(tmp_path / "p.zip", OTHERS) if packed else write_folder(tmp_path / "p", OTHERS)
    with pytest.raises(DataMissing, match="holds no images") as caught:
        open_images(place)
    assert ".jpeg, .jpg" in caught.value.hint


@pytest.mark.parametrize("content", [b"", b"no zip", b"PK\x03\x04 half of one", SMALL])
def test_a_file_that_is_no_zip_is_refused(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "list.txt").write_bytes(content)
    with pytest.raises(DataMissing, match=r"list\.txt is neither a folder nor a zip"):
        open_images(tmp_path / "list.txt")


def test_a_zip_from_the_future_is_refused(tmp_path: Path) -> None:
    path = write_zip(tmp_path / "p.zip", {"a.png": SMALL})
    content = bytearray(path.read_bytes())
    content[content.index(b"PK\x01\x02") + 6] = 99
    path.write_bytes(content)
    with pytest.raises(DataMissing, match=r"p\.zip is neither a folder nor a zip that can be read: .*9\.9"):
        open_images(path)


@pytest.mark.skipif(os.geteuid() == 0 if hasattr(os, "geteuid") else True, reason="root reads everything")
def test_what_may_not_be_read_is_named(tmp_path: Path) -> None:
    images = open_images(write_folder(tmp_path / "p", {"a.png": SMALL}))
    (tmp_path / "p" / "a.png").chmod(0)
    with pytest.raises(DataMissing, match=r"a\.png: Permission denied"):
        images.content(0)


def test_an_image_that_has_gone_and_a_link_to_nowhere_are_named(tmp_path: Path) -> None:
    folder = write_folder(tmp_path / "p", {"a.png": SMALL})
    (folder / "b.png").symlink_to(folder / "nowhere")
    images = open_images(folder)
    (folder / "a.png").unlink()
    for index, name in enumerate(("a.png", "b.png")):
        with pytest.raises(DataMissing, match=f"cannot read the image {folder / name}: No such file"):
            images.content(index)


def _declared(path: Path, size: int) -> Path:
    """Write a zip whose one image claims to unpack to so many bytes."""
    content = bytearray(write_zip(path, {"bomb.png": SMALL}).read_bytes())
    struct.pack_into("<I", content, content.index(b"PK\x01\x02") + 24, size)
    path.write_bytes(content)
    return path


def test_a_zip_that_would_unpack_to_gigabytes_is_refused_before_it_is_unpacked(tmp_path: Path) -> None:
    with pytest.raises(DataMissing, match=r"bomb\.png in .* unpacks to 3000000000 bytes"):
        open_images(_declared(tmp_path / "p.zip", 3_000_000_000))


def test_no_more_is_unpacked_than_was_declared(tmp_path: Path) -> None:
    images = open_images(_declared(tmp_path / "p.zip", 10))
    with pytest.raises(DataMissing, match=r"bomb\.png in"):
        images.decode(images.content(0), 0)


@pytest.mark.parametrize("method", [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
def test_a_damaged_member_of_a_zip_is_named(tmp_path: Path, method: int) -> None:
    path = tmp_path / "p.zip"
    with zipfile.ZipFile(path, "w", method) as archive:
        archive.writestr("good.png", SMALL)
        archive.writestr("torn.png", encoded(noise(1, 40, 40)))
    content = bytearray(path.read_bytes())
    start = content.index(b"torn.png") + len("torn.png")
    content[start : start + 400] = bytes(range(200)) * 2
    path.write_bytes(content)
    images = open_images(path)
    assert images.content(0) == SMALL
    with pytest.raises(DataMissing, match=r"cannot read torn\.png in .*p\.zip"):
        images.content(1)


def test_an_encrypted_member_of_a_zip_is_named(tmp_path: Path) -> None:
    path = write_zip(tmp_path / "p.zip", {"secret.png": SMALL})
    content = bytearray(path.read_bytes())
    for mark, flags in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        content[content.index(mark) + flags] |= 1
    path.write_bytes(content)
    with pytest.raises(DataMissing, match=r"secret\.png in .* password"):
        open_images(path).content(0)


class Counted(TensorImages):
    """Images in memory that remember which were read."""

    def __init__(self, images: Sequence[Tensor]) -> None:
        super().__init__(images)
        self.read: list[int] = []

    def content(self, index: int) -> bytes:
        """Return the image's bytes."""
        self.read.append(index)
        return super().content(index)


def test_tensors_are_known_by_their_pixels_and_their_shape() -> None:
    flat, tall = torch.zeros(3, 2, 6, dtype=torch.uint8), torch.zeros(3, 6, 2, dtype=torch.uint8)
    images = TensorImages([flat, tall, flat.clone(), noise(1).mT])
    keys = [images.content(index) for index in range(4)]
    assert keys[0] == keys[2] != keys[1]
    assert keys[3] == TensorImages([noise(1).mT.contiguous()]).content(0)
    assert torch.equal(images.decode(keys[3], 3), noise(1).mT)
    assert len(images.names) == len(set(images.names)) == 4


def test_floats_are_read_when_they_are_asked_for() -> None:
    images = Counted([noise(seed) for seed in range(5)])
    floats = Floats(images, [4, 0, 2])
    assert len(floats) == 3
    assert images.read == []
    assert torch.equal(floats[0], from_uint8(noise(4)))
    assert images.read == [4]
    assert torch.equal(floats[-1], from_uint8(noise(2)))
    with pytest.raises(IndexError):
        floats[3]


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="this system has no pipes in folders")
def test_what_is_no_regular_file_is_left_out_and_never_waited_for(tmp_path: Path) -> None:
    folder = write_folder(tmp_path / "p", {"a.png": SMALL})
    os.mkfifo(folder / "pipe.png")
    (folder / "round.png").symlink_to("round.png")
    images = open_images(folder)
    assert list(images.names) == ["a.png", "round.png"]
    assert images.found.left_out == {"no regular file": 1}
    with pytest.raises(DataMissing, match=r"round\.png: Too many levels"):
        images.content(1)


def test_a_sparse_file_of_gigabytes_is_refused_before_it_is_read(tmp_path: Path) -> None:
    folder = write_folder(tmp_path / "p", {"a.png": SMALL})
    os.truncate(folder / "a.png", 3_000_000_000)
    with pytest.raises(DataMissing, match=r"a\.png unpacks to 3000000000 bytes"):
        open_images(folder).content(0)


def test_a_zip_from_windows_has_folders_hidden_ones_too(tmp_path: Path) -> None:
    path = tmp_path / "p.zip"
    with zipfile.ZipFile(path, "w") as archive:
        for name in ("in\\a.png", "__MACOSX\\._a.png", "../up.png", "/top.png"):
            item = zipfile.ZipInfo("x")
            item.filename = name
            archive.writestr(item, SMALL)
    images = open_images(path)
    assert list(images.names) == ["../up.png", "/top.png", "in\\a.png"]
    assert images.content(2) == SMALL


def test_two_members_of_one_name_are_two_images(tmp_path: Path) -> None:
    path = tmp_path / "p.zip"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("a.png", SMALL)
        with pytest.warns(UserWarning, match="Duplicate name"):
            archive.writestr("a.png", encoded(noise(5)))
    images = open_images(path)
    assert images.content(0) != images.content(1)


def test_a_link_in_a_zip_is_refused_by_name(tmp_path: Path) -> None:
    path = tmp_path / "p.zip"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("a.png", SMALL)
        item = zipfile.ZipInfo("dog")
        item.external_attr = 0o120777 << 16
        archive.writestr(item, "../elsewhere/dog")
    with pytest.raises(DataMissing, match=r"dog in .*p\.zip is a link"):
        open_images(path)


@pytest.mark.parametrize("method", [9, 1, 200])
def test_a_member_packed_as_nobody_unpacks_is_refused_by_name(tmp_path: Path, method: int) -> None:
    path = write_zip(tmp_path / "p.zip", {"a.png": SMALL})
    content = bytearray(path.read_bytes())
    for mark, where in ((b"PK\3\4", 8), (b"PK\1\2", 10)):
        struct.pack_into("<H", content, content.index(mark) + where, method)
    path.write_bytes(content)
    with pytest.raises(DataMissing, match=r"cannot read a\.png in") as caught:
        open_images(path).content(0)
    assert "pack it anew" in caught.value.hint


@pytest.mark.parametrize("name", ["s.npz", "s.npy", "s.pt"])
def test_files_of_arrays_are_named_as_such(tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_bytes(b"x")
    with pytest.raises(DataMissing, match="arrays or tensors"):
        open_images(tmp_path / name)
    with pytest.raises(DataMissing, match=f"but 1 {Path(name).suffix}") as caught:
        open_images(write_folder(tmp_path / "d", {name: b"x"}))
    assert "save each image" in caught.value.hint


def test_a_folder_of_archives_says_what_to_do_with_them(tmp_path: Path) -> None:
    with pytest.raises(DataMissing, match=r"but 1 \.tar, 1 \.zip") as caught:
        open_images(write_folder(tmp_path / "d", {"a.zip": b"x", "b.tar": b"x"}))
    assert "unpack them" in caught.value.hint


@pytest.mark.parametrize(
    ("content", "told", "hint"),
    [
        (b"<html>Sign in", "it is a web page", "fetch the file itself again"),
        (b"\x1f\x8b\x08", "it is a gzip archive", "unpack it first"),
        (b"\x89PNG\r\n\x1a\n", "it is a PNG image", "give a folder of images or a zip of one"),
    ],
)
def test_what_stands_for_a_zip_is_called_what_it_is(tmp_path: Path, content: bytes, told: str, hint: str) -> None:
    (tmp_path / "set.zip").write_bytes(content)
    with pytest.raises(DataMissing, match=told) as caught:
        open_images(tmp_path / "set.zip")
    assert hint in caught.value.hint


def test_images_under_another_ending_are_told_from_other_files(tmp_path: Path) -> None:
    (tmp_path / "a.jfif").write_bytes(b"\xff\xd8\xff\xe0")
    with pytest.raises(DataMissing, match=r"holds no images, but 1 \.jfif") as caught:
        open_images(tmp_path)
    assert "one is a JPEG image" in caught.value.hint


def test_a_database_of_images_is_told_from_a_folder_of_them(tmp_path: Path) -> None:
    (tmp_path / "data.mdb").touch()
    with pytest.raises(DataMissing, match="is an LMDB database") as caught:
        open_images(tmp_path)
    assert "export its images" in caught.value.hint


def test_the_home_of_no_user_is_a_place_that_is_not_there() -> None:
    with pytest.raises(DataMissing, match="no folder or zip at ~nobody-of-that-name/set"):
        open_images("~nobody-of-that-name/set")
