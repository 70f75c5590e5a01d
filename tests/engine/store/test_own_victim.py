"""From the path of a user's own victim to its card."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from own_victim_factory import Enlarge, save_script
from safetensors.torch import save_file

from gexbench.engine.store.own_victim import Place, code_file, is_path, own_victim
from gexbench.engine.store.weights import file_sha256
from gexbench.errors import AssetMissing, CardError, GexbenchError, PlanError

PLACE = Place("image-to-image", 4, "photos-mini")
CARD = """
name = "me/net"
summary = "A net."
task_kind = "image-to-image"
backend = "torchscript"
scale = 4
dataset = "photos-mini"
[weights]
file = "net.pt"
sha256 = "{sha256}"
"""


def test_a_file_gets_a_card_with_its_hash_and_the_tasks_numbers(tmp_path: Path) -> None:
    file = save_script(Enlarge(), tmp_path / "My Net_2.pt")
    filed = own_victim(str(file), PLACE)
    card = filed.card
    assert (card.name, card.backend, card.task_kind, card.scale, card.dataset) == (
        *("own/my-net-2", "torchscript"),
        *("image-to-image", 4, "photos-mini"),
    )
    assert card.weights is not None
    assert card.weights.sha256 == file_sha256(file)
    assert filed.root.path / card.weights.file == file
    assert code_file(filed) is None


def test_a_card_is_taken_as_it_is(tmp_path: Path) -> None:
    file = save_script(Enlarge(), tmp_path / "net.pt")
    (tmp_path / "card.toml").write_text(CARD.format(sha256=file_sha256(file)))
    filed = own_victim(str(tmp_path / "card.toml"), PLACE)
    assert (filed.card.name, filed.root.path) == ("me/net", tmp_path)


@pytest.mark.parametrize(
    ("old", "new", "why"),
    [
        ("me/net", "net", "needs a namespace"),
        ('backend = "torchscript"', 'backend = "tensorrt"', "backend"),
        ('backend = "torchscript"', 'entry = "mine:Net"\nbackend = "torchscript"', "take an entry"),
        ('backend = "torchscript"', "", "take an entry"),
        ("[weights]", "[net]\nchannels = 3\n[weights]", r"net\.channels: Extra inputs"),
        ("[weights]", "[net]\ngives = [1, -1]\n[weights]", "black, white"),
        ("[weights]", "[net]\ngives = [nan, 1]\n[weights]", "finite number"),
        ("net.pt", "../net.pt", "relative path below its folder"),
        ("net.pt", "/etc/passwd", "relative path below its folder"),
    ],
)
def test_a_broken_card_is_one_line(old: str, new: str, why: str, tmp_path: Path) -> None:
    (tmp_path / "card.toml").write_text(CARD.format(sha256="0" * 64).replace(old, new))
    with pytest.raises(CardError, match=why) as refused:
        own_victim(str(tmp_path / "card.toml"), PLACE)
    assert "\n" not in str(refused.value)


class Ran:
    """Says, when it is unpickled, that it was."""

    def __reduce__(self) -> tuple[object, ...]:
        return (pytest.fail, ("it was unpickled",))


def test_a_pickled_file_is_refused_and_not_unpickled(tmp_path: Path) -> None:
    torch.save({"net": Ran()}, tmp_path / "net.pt")
    with pytest.raises(PlanError, match=r"is a PyTorch archive .torch\.save., which is never unpickled") as refused:
        own_victim(str(tmp_path / "net.pt"), PLACE)
    assert "torch.jit.script(net).save(FILE)" in refused.value.hint
    assert "safetensors" in refused.value.hint


def test_tensors_alone_are_refused_with_the_way_to_a_card(tmp_path: Path) -> None:
    save_file({"x": torch.ones(3)}, tmp_path / "net.safetensors")
    with pytest.raises(PlanError, match="is a safetensors file") as refused:
        own_victim(str(tmp_path / "net.safetensors"), PLACE)
    assert "write a card that names your class" in refused.value.hint


@pytest.mark.parametrize(
    ("content", "why"),
    [
        (b"<!doctype html><p>404", "web page"),
        (b"version https://git-lfs.github.com/spec/v1\noid", "Git LFS pointer"),
        (b"", "an empty file"),
        (bytes(range(128, 256)) * 9, "of no kind that is known"),
    ],
)
def test_what_is_no_victim_is_named(content: bytes, why: str, tmp_path: Path) -> None:
    (tmp_path / "net.pt").write_bytes(content)
    with pytest.raises(PlanError, match=why) as refused:
        own_victim(str(tmp_path / "net.pt"), PLACE)
    assert refused.value.hint


def test_an_address_gets_a_card_that_is_named_after_it_and_has_the_tasks_side() -> None:
    filed = own_victim("http://localhost:8000/enlarge", Place("image-to-image", 4, "photos-mini", 64))
    card = filed.card
    assert (card.name, card.backend, card.scale, card.net) == ("own/localhost-8000-enlarge", "http", 4, {"side": 64})
    assert card.endpoint == {"url": "http://localhost:8000/enlarge"}
    assert filed.path.parent.name == "endpoints"


def test_a_folder_and_nothing_are_refused(tmp_path: Path) -> None:
    with pytest.raises(PlanError, match="is a folder"):
        own_victim(str(tmp_path), PLACE)
    with pytest.raises(AssetMissing, match="no victim at"):
        own_victim(str(tmp_path / "net.pt"), PLACE)
    with pytest.raises(PlanError, match="no address of a victim: it is no address of HTTP"):
        own_victim("ftp://example.org/net.pt", PLACE)


def test_a_class_lies_in_a_file_beside_its_card(tmp_path: Path) -> None:
    card = CARD.format(sha256="0" * 64).replace('backend = "torchscript"', 'entry = "mine:Net"')
    (tmp_path / "card.toml").write_text(card)
    filed = own_victim(str(tmp_path / "card.toml"), PLACE)
    with pytest.raises(GexbenchError, match=r"no file mine\.py beside the card"):
        code_file(filed)
    (tmp_path / "mine.py").write_text("")
    assert code_file(filed) == tmp_path / "mine.py"
    assert filed.card.backend == "module"


def test_names_of_cards_are_no_paths() -> None:
    assert [
        is_path(text) for text in ("srgan-mini", "me/net", "net.pt", "./net", "/net", "~/net", "a\\b", "http://x")
    ] == [
        *(False, False),
        *(True,) * 6,
    ]
