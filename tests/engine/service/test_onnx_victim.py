"""Victims that are ONNX files; where onnx and onnxruntime are here."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
import torch
from own_victim_factory import card_of, save_onnx

from gexbench.engine.service.onnx_victim import OnnxVictim
from gexbench.errors import AssetMissing, PlanError, RunFailed


@pytest.fixture
def _needs_onnx() -> None:
    pytest.importorskip("onnx")
    pytest.importorskip("onnxruntime")


needs_onnx = pytest.mark.usefixtures("_needs_onnx")


def opened(file: Path, kind: str = "image-to-image") -> OnnxVictim:
    card = card_of(file, kind, backend="onnx")
    assert card.weights is not None
    return OnnxVictim(card, file, card.weights.sha256, "cpu")


@needs_onnx
def test_it_answers_as_its_operators_do(tmp_path: Path) -> None:
    x = torch.rand(2, 3, 6, 9)
    wanted = torch.nn.functional.interpolate(x, scale_factor=4.0, mode="bilinear", align_corners=False)
    torch.testing.assert_close(opened(save_onnx(tmp_path / "net.onnx")).answer(x), wanted, atol=1e-5, rtol=0)


@needs_onnx
def test_operators_of_other_libraries_are_refused_in_one_line(tmp_path: Path) -> None:
    with pytest.raises(AssetMissing, match=r"me:Magic.* is not a registered function/op") as refused:
        opened(save_onnx(tmp_path / "net.onnx", "Magic", "me"))
    assert "standard ones" in refused.value.hint
    assert "\n" not in str(refused.value)


@needs_onnx
def test_a_question_of_another_size_than_the_file_says_is_refused_in_one_line(tmp_path: Path) -> None:
    victim = opened(save_onnx(tmp_path / "net.onnx", shape=(1, 3, 24, 24)))
    assert victim.told_sides == (24,)
    with pytest.raises(RunFailed, match=r"cannot take an image of 8 x 8: .*invalid dimensions") as refused:
        victim.answer(torch.rand(1, 3, 8, 8))
    assert "\n" not in str(refused.value)


@needs_onnx
def test_the_length_of_its_latents_stands_in_the_file(tmp_path: Path) -> None:
    assert opened(save_onnx(tmp_path / "net.onnx", "Identity", shape=("n", 7)), "sampling").latent_size == 7


@needs_onnx
def test_what_takes_no_floats_is_refused(tmp_path: Path) -> None:
    import onnx

    model = onnx.load(save_onnx(tmp_path / "net.onnx", "Identity"))
    for end in (*model.graph.input, *model.graph.output):
        end.type.tensor_type.elem_type = onnx.TensorProto.UINT8
    onnx.save(model, tmp_path / "net.onnx")
    with pytest.raises(PlanError, match=r"takes tensor\(uint8\), not float"):
        opened(tmp_path / "net.onnx")


@needs_onnx
def test_what_is_no_onnx_file_is_refused_in_one_line(tmp_path: Path) -> None:
    (tmp_path / "net.onnx").write_bytes(b"\x08\x07\x12\x04junk" * 9)
    with pytest.raises(AssetMissing, match="is no ONNX file that onnxruntime opens"):
        opened(tmp_path / "net.onnx")


def test_without_onnxruntime_the_way_to_get_it_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "onnxruntime", None)
    (tmp_path / "net.onnx").write_bytes(b"net")
    with pytest.raises(AssetMissing, match="need onnxruntime") as refused:
        opened(tmp_path / "net.onnx")
    assert refused.value.hint == "pip install 'gexbench[onnx]'"
