"""What two sets of images really were: left out, linked, copied, shared, nested, and of what files."""

from __future__ import annotations

import io
import sqlite3
from pathlib import Path

import numpy as np
import pytest
from feature_factory import Colours, encoded, noise, photos, quiet, write_folder, write_net, write_registry
from PIL import Image, ImageCms

from gexbench.comparison import Comparison
from gexbench.engine.scoring.compare import Setup, compare
from gexbench.engine.scoring.features.images import open_images
from gexbench.errors import DataMissing, PlanError


@pytest.fixture
def setup(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Setup:
    """Return the setup of metrics on the tiny extractor, with its weights in GEXBENCH_HOME."""
    monkeypatch.setenv("GEXBENCH_HOME", str(tmp_path / "home"))
    write_net(tmp_path / "home")
    return Setup(write_registry(tmp_path / "registry"), "cpu", tmp_path / "features")


def _of(setup: Setup, images: Path, reference: Path, *names: str) -> Comparison:
    return compare(open_images(images), open_images(reference), names or ("fid",), setup, quiet)


def _saved(image: Image.Image, format: str = "PNG", **options: object) -> bytes:
    held = io.BytesIO()
    image.save(held, format, **options)
    return held.getvalue()


def _picture(k: int) -> Image.Image:
    return Image.fromarray(noise(k, 8, 8).permute(1, 2, 0).numpy())


def test_ordinary_sets_have_nothing_to_note(setup: Setup, tmp_path: Path) -> None:
    found = _of(setup, write_folder(tmp_path / "a", photos(9)), write_folder(tmp_path / "b", photos(9, first=50)))
    assert found.notes == ()
    assert found.sides["images"].taken == found.sides["images"].distinct == 9
    assert found.sides["images"].kinds["container"] == {"PNG": 9}


def test_files_left_out_are_counted_by_ending(setup: Setup, tmp_path: Path) -> None:
    others = {"1.gif": b"", "2.GIF": b"", "list.csv": b"", "plain": b"", ".hidden.gif": b""}
    found = _of(setup, write_folder(tmp_path / "a", photos(9) | others), write_folder(tmp_path / "b", photos(9, 50)))
    assert found.sides["images"].left_out == {".gif": 2, ".csv": 1, "without an ending": 1}
    assert "images: 4 files left out by their ending: 2 .gif, 1 .csv, 1 without an ending" in found.notes


def test_links_to_folders_are_followed_once_and_named(setup: Setup, tmp_path: Path) -> None:
    real = write_folder(tmp_path / "a", {f"cat/{name}": data for name, data in photos(4).items()})
    (real / "dog").symlink_to(write_folder(tmp_path / "elsewhere", photos(5, first=20)))
    (real / "cat" / "loop").symlink_to(real)
    (real / "also").symlink_to(real / "cat")
    images = open_images(real)
    assert sorted({name.split("/")[0] for name in images.names}) == ["cat", "dog"]
    found = _of(setup, real, write_folder(tmp_path / "b", photos(9, first=50)))
    assert found.sides["images"].taken == 9
    assert "images: 1 link to folders followed: dog" in found.notes
    assert any("read anyway: also, cat/loop" in note for note in found.notes)


def test_a_link_that_may_have_been_a_folder_is_refused_by_name(tmp_path: Path) -> None:
    folder = write_folder(tmp_path / "a", photos(2))
    (folder / "dog").symlink_to(folder / "nowhere")
    with pytest.raises(DataMissing, match="a/dog is a link to nowhere"):
        open_images(folder)


def test_copies_and_shared_images_are_known_by_their_pixels(setup: Setup, tmp_path: Path) -> None:
    mine = photos(6) | {f"{k}.bmp": encoded(noise(k), "BMP") for k in range(6)}
    theirs = {f"{k}.bmp": encoded(noise(k), "BMP") for k in range(3)} | photos(5, first=50)
    images = open_images(write_folder(tmp_path / "a", mine))
    same = images.decode(images.content(0), 0)
    assert (noise(0) == same).all()
    found = _of(setup, tmp_path / "a", write_folder(tmp_path / "b", theirs))
    assert (found.sides["images"].distinct, found.sides["images"].shared) == (6, 6)
    assert "images: 12 images, of which 6 are distinct: the others are copies, and count" in found.notes
    assert any("6 of 12 images are also in the reference, 3 of 8 references" in note for note in found.notes)


@pytest.mark.parametrize("link", [False, True], ids=["inside", "by a link"])
def test_a_side_inside_the_other_is_refused(setup: Setup, tmp_path: Path, link: bool) -> None:
    out = write_folder(tmp_path / "out", photos(4))
    fake = write_folder(tmp_path / "fake" if link else out / "fake", photos(4, first=20))
    if link:
        (out / "new").symlink_to(fake)
    for sides in ((fake, out), (out, fake)):
        with pytest.raises(PlanError, match="inside the"):
            _of(setup, *sides)
    assert _of(setup, out, out).scores[0].value == pytest.approx(0.0, abs=1e-6)


ODD = {
    "deeper than 8 bits (1 16-bit)": _saved(Image.fromarray(np.full((8, 8), 300, dtype=np.uint16))),
    "transparent": _saved(Image.new("RGBA", (8, 8), (1, 2, 3, 9))),
    "EXIF orientation": _saved(_picture(1), exif=b"Exif\0\0MM\0*\0\0\0\x08\0\1\1\x12\0\3\0\0\0\1\0\6\0\0\0\0\0\0"),
    "colour profile": _saved(_picture(2), icc_profile=b"rubbish"),
    "frames": _saved(_picture(3), "WEBP", lossless=True, save_all=True, append_images=[_picture(4)]),
    "from 1 CMYK": _saved(_picture(5).convert("CMYK"), "TIFF"),
    "differ in sizes": encoded(noise(6, 8, 9)),
    "differ in containers": encoded(noise(7, 8, 8), "BMP"),
}


@pytest.mark.parametrize("told", ODD)
def test_what_another_tool_may_read_otherwise_is_noted_and_again_from_the_cache(
    setup: Setup, tmp_path: Path, told: str
) -> None:
    plain = {f"{k}.png": _saved(_picture(20 + k)) for k in range(4)}
    odd = write_folder(
        tmp_path / "a",
        plain
        | {"odd" + {"B": ".bmp", "I": ".tif", "R": ".webp"}.get(ODD[told][:1].decode("latin-1"), ".png"): ODD[told]},
    )
    other = write_folder(tmp_path / "b", {f"{k}.png": _saved(_picture(50 + k)) for k in range(4)})
    first = _of(setup, odd, other)
    assert any(told in note for note in first.notes), first.notes
    Colours.batches.clear()
    assert _of(setup, odd, other).notes == first.notes
    assert Colours.batches == []


def test_rows_that_were_kept_without_a_word_are_looked_at_and_those_of_deep_files_made_anew(
    setup: Setup, tmp_path: Path
) -> None:
    deep = _saved(Image.fromarray(np.arange(64, dtype=np.uint16).reshape(8, 8) * 900))
    mine, theirs = (
        write_folder(tmp_path / "a", photos(5) | {"x.png": deep}),
        write_folder(tmp_path / "b", photos(5, 50)),
    )
    first = _of(setup, mine, theirs)
    assert setup.folder is not None
    (file,) = setup.folder.glob("*.sqlite")
    with sqlite3.connect(file) as base:
        base.execute("DELETE FROM facts")
        base.execute("UPDATE features SET row = zeroblob(length(row)) WHERE rowid = 6")
    base.close()
    Colours.batches.clear()
    again = _of(setup, mine, theirs)
    assert sum(Colours.batches) == 1
    assert (again.notes, again.scores) == (first.notes, first.scores)


def test_identical_pairs_stand_beside_the_mean_of_the_others(setup: Setup, tmp_path: Path) -> None:
    mine = write_folder(tmp_path / "a", {f"{k}.png": encoded(noise(k)) for k in range(5)})
    theirs = write_folder(tmp_path / "b", {f"{k}.png": encoded(noise(k if k == 3 else 50 + k)) for k in range(5)})
    found = _of(setup, mine, theirs, "psnr-rgb")
    (score,) = found.scores
    assert (score.value, len(score.pairs)) == (float("inf"), 5)
    finite = [pair.value for pair in score.pairs if pair.value != float("inf")]
    assert (score.identical, score.pairs[3].image) == (1, "3.png")
    assert score.of_others == pytest.approx(sum(finite) / len(finite))
    assert any("psnr-rgb: 1 of 5 pairs identical; the other" in note for note in found.notes)


def test_a_pair_that_cannot_be_measured_is_named(setup: Setup, tmp_path: Path) -> None:
    mine = write_folder(tmp_path / "a", {f"{k}.png": encoded(noise(k, 8, 8)) for k in range(4)})
    other = {f"{k}.png": encoded(noise(k, 8, 8 + (k == 2))) for k in range(4)}
    found = _of(setup, mine, write_folder(tmp_path / "b", other), "psnr-rgb")
    assert "2.png: image 2 is 3x8x8 and its reference 3x8x9" in found.absent["psnr-rgb"]
    assert "multiple of the scale" in found.absent["psnr-rgb"]


def test_a_side_tagged_srgb_and_an_untagged_one_are_no_different_profiles(setup: Setup, tmp_path: Path) -> None:
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    tagged = write_folder(tmp_path / "a", {f"{k}.png": _saved(_picture(k), icc_profile=profile) for k in range(4)})
    plain = write_folder(tmp_path / "b", {f"{k}.png": _saved(_picture(k + 9)) for k in range(4)})
    assert not [note for note in _of(setup, tagged, plain, "psnr-rgb").notes if "profile" in note]
