"""Images out of data sets that Hugging Face `datasets` saved on this disk."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from gexbench.engine.store.hugging_face import unpack
from gexbench.errors import AssetMissing, DataMissing

TESTS = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module", autouse=True)
def no_tests_of_that_name() -> Iterator[None]:
    """Let `import datasets` mean the library, not the folder of tests of that name."""
    with pytest.MonkeyPatch.context() as patch:
        for name in [name for name in sys.modules if name.partition(".")[0] == "datasets"]:
            patch.delitem(sys.modules, name)
        patch.setattr(sys, "path", [place for place in sys.path if Path(place) != TESTS])
        yield
        for name in [name for name in sys.modules if name.partition(".")[0] == "datasets"]:
            del sys.modules[name]


def quiet(what: str, done: int, total: int) -> None:
    pass


def picture(seed: int) -> Image.Image:
    return Image.fromarray(np.random.default_rng(seed).integers(0, 256, (12, 10, 3), dtype=np.uint8))


def table(rows: int = 3, **more: Any) -> Any:
    datasets = pytest.importorskip("datasets")
    columns = {"blur": [picture(i) for i in range(rows)], "sharp": [picture(9 + i) for i in range(rows)], **more}
    kinds = {"blur": datasets.Image(), "sharp": datasets.Image()}
    kinds |= {name: datasets.Value("int64") for name in more}
    return datasets.Dataset.from_dict(columns, features=datasets.Features(kinds))


def test_a_saved_set_becomes_a_folder_for_each_column_of_images(tmp_path: Path) -> None:
    table(label=[1, 2, 3]).save_to_disk(str(tmp_path / "saved"))
    assert unpack(tmp_path / "saved", tmp_path / "out", [], quiet) == {"blur": 3, "sharp": 3}
    with Image.open(tmp_path / "out/sharp/000001.png") as image:
        assert np.array_equal(np.array(image), np.array(picture(10)))


def test_parts_of_a_set_have_a_folder_each_and_columns_can_be_chosen(tmp_path: Path) -> None:
    datasets = pytest.importorskip("datasets")
    datasets.DatasetDict({"train": table(), "test": table(1)}).save_to_disk(str(tmp_path / "saved"))
    assert unpack(tmp_path / "saved", tmp_path / "out", ["blur"], quiet) == {"train/blur": 3, "test/blur": 1}


def test_parquet_gives_the_same_bytes_as_a_saved_folder(tmp_path: Path) -> None:
    table().save_to_disk(str(tmp_path / "saved"))
    (tmp_path / "parquet").mkdir()
    table().to_parquet(str(tmp_path / "parquet/0.parquet"))
    for source in ("saved", "parquet", "parquet/0.parquet"):
        unpack(tmp_path / source, tmp_path / "out" / source, [], quiet)
    files = [tmp_path / "out" / source / "blur/000002.png" for source in ("saved", "parquet", "parquet/0.parquet")]
    assert len({path.read_bytes() for path in files}) == 1


def test_rows_that_were_chosen_are_those_that_come_out(tmp_path: Path) -> None:
    table().select([2]).save_to_disk(str(tmp_path / "saved"))
    assert unpack(tmp_path / "saved", tmp_path / "out", ["blur"], quiet) == {"blur": 1}
    with Image.open(tmp_path / "out/blur/000000.png") as image:
        assert np.array_equal(np.array(image), np.array(picture(2)))


def test_a_path_in_place_of_an_image_is_not_followed(tmp_path: Path) -> None:
    datasets = pytest.importorskip("datasets")
    picture(0).save(tmp_path / "private.png")
    rows = {"image": [{"bytes": None, "path": str(tmp_path / "private.png")}]}
    held = datasets.Dataset.from_dict(rows, features=datasets.Features({"image": datasets.Image(decode=False)}))
    # save_to_disk and to_parquet put the file's content in
    pytest.importorskip("pyarrow.parquet").write_table(held.data.table, tmp_path / "a.parquet")
    with pytest.raises(DataMissing, match="a path in place of an image"):
        unpack(tmp_path / "a.parquet", tmp_path / "out", [], quiet)


@pytest.mark.parametrize(("columns", "told"), [(["blurr"], "no column 'blurr'"), (["label"], "no column 'label'")])
def test_a_column_that_holds_no_images_is_refused_with_the_nearest(
    tmp_path: Path, columns: list[str], told: str
) -> None:
    table(label=[1, 2, 3]).save_to_disk(str(tmp_path / "saved"))
    with pytest.raises(DataMissing, match=told):
        unpack(tmp_path / "saved", tmp_path / "out", columns, quiet)


def test_a_name_that_leads_out_of_the_folder_is_refused(tmp_path: Path) -> None:
    pytest.importorskip("datasets")
    table().rename_column("blur", "../blur").save_to_disk(str(tmp_path / "saved"))
    with pytest.raises(DataMissing, match="cannot be a folder's name"):
        unpack(tmp_path / "saved", tmp_path / "out", [], quiet)
    assert not (tmp_path / "blur").exists()


def test_what_is_no_saved_set_is_one_line(tmp_path: Path) -> None:
    pytest.importorskip("datasets")
    (tmp_path / "empty").mkdir()
    (tmp_path / "bad.parquet").write_bytes(b"PAR1 no")
    (tmp_path / "state").mkdir()
    (tmp_path / "state/state.json").write_text(json.dumps({"_data_files": 3}))
    for place in ("empty", "bad.parquet", "state", "nowhere"):
        with pytest.raises(DataMissing) as caught:
            unpack(tmp_path / place, tmp_path / "out", [], quiet)
        assert "\n" not in str(caught.value)


def test_without_the_package_the_extra_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "datasets", None)
    with pytest.raises(AssetMissing) as caught:
        unpack(tmp_path, tmp_path / "out", [], quiet)
    assert "gexbench[hf]" in caught.value.hint
