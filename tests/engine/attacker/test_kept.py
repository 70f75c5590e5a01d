"""What is kept of a surrogate is enough to build it anew, and what is not enough is said with the way out."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import safetensors.torch
import torch
from torch import Tensor, nn

from gexbench.attacks.color_transfer import ColorMap
from gexbench.core.attack import Surrogate
from gexbench.engine.attacker.kept import AT_THE_TOP, IN_CONFIG, digest, happened, keep, read_kept, rebuild
from gexbench.errors import SurrogateError
from gexbench.nets.patch_net import PatchNet
from gexbench.nets.pggan import PGGANGenerator, PGGANOptions
from gexbench.nets.resnet_generator import ResNetGenerator, ResNetGeneratorOptions
from gexbench.nets.resunet import ResUNet, ResUNetOptions
from gexbench.nets.sngan import SNGANGenerator, SNGANOptions
from gexbench.nets.srresnet import SRResNet, SRResNetOptions
from gexbench.nets.stylegan2 import StyleGAN2Generator, StyleGAN2Options
from gexbench.nets.ugatit_generator import UGATITGenerator, UGATITGeneratorOptions
from gexbench.nets.unet import UNet, UNetOptions

SMALL: dict[str, tuple[Callable[[], nn.Module], tuple[int, ...]]] = {
    "color": (lambda: ColorMap(torch.rand(3, 3), torch.rand(3)), (1, 3, 8, 8)),
    "identity": (nn.Identity, (1, 3, 8, 8)),
    "patch": (lambda: PatchNet(3, 4), (1, 3, 8, 8)),
    "pggan": (lambda: PGGANGenerator(PGGANOptions(8, 5, 32, 8)), (1, 5)),
    "resnet": (lambda: ResNetGenerator(ResNetGeneratorOptions(1, 4, "input")), (1, 3, 8, 8)),
    "resunet": (lambda: ResUNet(ResUNetOptions(4, 1, 1)), (1, 3, 8, 8)),
    "sngan": (lambda: SNGANGenerator(SNGANOptions(32, 4, 5)), (1, 5)),
    "srresnet": (lambda: SRResNet(SRResNetOptions(blocks=1, channels=4, scale=2)), (1, 3, 8, 8)),
    "stylegan2": (lambda: StyleGAN2Generator(StyleGAN2Options(8, 5, 1, 64, 8)), (1, 5)),
    "ugatit": (lambda: UGATITGenerator(UGATITGeneratorOptions(4, 1, 8, True, "input")), (1, 3, 8, 8)),
    "unet": (lambda: UNet(UNetOptions(3, 4, 0.5)), (1, 3, 8, 8)),
}


class Tied(nn.Module):
    """Two names for one weight, one that does not lie in order, a whole number and a half one among the buffers."""

    def __init__(self) -> None:
        super().__init__()
        self.first = nn.Linear(4, 4, bias=False)
        self.second = self.first
        self.turned = nn.Parameter(torch.rand(2, 3).T)
        self.register_buffer("count", torch.tensor(7))
        self.register_buffer("fine", torch.rand(3).half())


@dataclass(frozen=True)
class Numbers:
    gain: float = 1.0
    names: tuple[str, ...] = ()


class Plain:
    """No module; called with numbers in a dataclass."""

    def __init__(self, numbers: Numbers | None = None, more: dict[str, int] | None = None) -> None:
        self.numbers, self.more = numbers, more
        self.config = {"numbers": numbers, "more": more}

    def __call__(self, x: Tensor) -> Tensor:
        return x


class Odd(nn.Module):
    """Keeps what is no tensor."""

    def get_extra_state(self) -> object:
        return "code"


class Dtype(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.gain = nn.Parameter(torch.ones(1))


def again(surrogate: Surrogate, folder: Path) -> Any:
    keep(surrogate, folder)
    return rebuild(read_kept(folder), None)


@pytest.mark.parametrize("name", SMALL)
def test_a_net_of_gexbench_is_built_anew_and_answers_alike(name: str, tmp_path: Path) -> None:
    build, shape = SMALL[name]
    net, x = build().eval(), torch.rand(shape)
    built = again(net, tmp_path)
    assert (type(built), built.training) == (type(net), False)
    with torch.inference_mode():
        assert torch.equal(built(x), net(x))


def test_shared_tensors_and_buffers_of_every_type_come_back(tmp_path: Path) -> None:
    net = Tied()
    built = again(net, tmp_path)
    assert built.first is built.second
    for name, tensor in net.state_dict().items():
        assert torch.equal(built.state_dict()[name], tensor)
        assert built.state_dict()[name].dtype == tensor.dtype


def test_what_is_no_module_is_built_from_its_config_where_objects_become_dataclasses(tmp_path: Path) -> None:
    built = again(Plain(Numbers(0.5, ("a",)), {"b": 1}), tmp_path)
    assert built.numbers == Numbers(0.5, ["a"])  # type: ignore[arg-type]
    assert built.more == {"b": 1}
    assert not (tmp_path / "model.safetensors").exists()


def test_what_was_kept_before_is_gone(tmp_path: Path) -> None:
    keep(Tied(), tmp_path)
    keep(Plain(), tmp_path)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["class.txt", "config.json"]


def local() -> nn.Module:
    class Local(nn.Module): ...

    return Local()


def with_config(config: object) -> Surrogate:
    made = Plain()
    made.config = config  # type: ignore[assignment]
    return made


def deep() -> object:
    made: object = 0
    for _ in range(100_000):
        made = [made]
    return made


@pytest.mark.parametrize(
    ("make", "told", "hint"),
    [
        (lambda: lambda x: x, "its class 'builtins:function' cannot be imported by name", AT_THE_TOP),
        (lambda: torch.ones(1).add, "cannot be imported by name", AT_THE_TOP),
        (local, "<locals>.Local' cannot be imported by name", AT_THE_TOP),
        (lambda: torch.ones(1), "returned Tensor, which cannot be called", "return an nn.Module"),
        (lambda: with_config({"x": torch.ones(1)}), "Plain.config is not JSON: a Tensor is none", IN_CONFIG),
        (lambda: with_config({"x": float("inf")}), "Plain.config is not JSON", IN_CONFIG),
        (lambda: with_config({"x": deep()}), "Plain.config is not JSON", IN_CONFIG),
        (lambda: with_config({"x": "y" * (2 << 20)}), "Plain.config takes 2,097,1", IN_CONFIG),
        (lambda: with_config([1]), "Plain.config is a list, not keyword arguments", IN_CONFIG),
        (Odd, "_extra_state of its state_dict is a str, not a tensor", IN_CONFIG),
        (lambda: nn.LazyLinear(3), "its tensors cannot be kept as safetensors: Attempted to use an uninit", IN_CONFIG),
    ],
)
def test_what_cannot_be_kept_is_said_with_the_way_out(
    make: Callable[[], Surrogate], told: str, hint: str, tmp_path: Path
) -> None:
    with pytest.raises(SurrogateError, match=told) as caught:
        keep(make(), tmp_path)
    assert caught.value.hint == hint
    assert len(str(caught.value).splitlines()) == 1


def kept(folder: Path, entry: str, config: str, tensors: dict[str, Tensor] | None = None) -> Path:
    folder.mkdir(exist_ok=True)
    (folder / "class.txt").write_text(entry)
    (folder / "config.json").write_text(config)
    if tensors is not None:
        safetensors.torch.save_file(tensors, folder / "model.safetensors")
    return folder


MINE = __name__
ONE = {"gain": torch.ones(1)}


@pytest.mark.parametrize(
    ("entry", "config", "tensors", "told"),
    [
        ("a b:C", "{}", None, "its class 'a b:C' cannot be imported by name"),
        (f"{MINE}:Plain.Inner", "{}", None, "cannot be imported by name"),
        ("a." * 500 + "b:C", "{}", None, "cannot be imported by name"),
        ("no_such_module:C", "{}", None, "cannot be imported: cannot import 'no_such_module'"),
        (f"{MINE}:again", "{}", None, "is no class"),
        (f"{MINE}:Plain", "[]", None, "holds list, not an object of keyword arguments"),
        (f"{MINE}:Plain", "{", None, "is not JSON"),
        (f"{MINE}:Plain", '{"more": NaN}', None, "NaN is not JSON"),
        (f"{MINE}:Plain", '{"more": ' + "[" * 100_000, None, "is not JSON"),
        (f"{MINE}:Plain", '{"more": ' + "7" * 9_000 + "}", None, "is not JSON"),
        (f"{MINE}:Plain", '{"colour": 1}', None, r"Plain\(\*\*config\) raised TypeError"),
        (f"{MINE}:Plain", '{"numbers": {"size": 1}}', None, r"Plain\(\*\*config\) raised TypeError"),
        (f"{MINE}:Plain", "{}", ONE, "weights were kept and it is no nn.Module"),
        (f"{MINE}:Dtype", "{}", None, "no weights were kept"),
        (f"{MINE}:Dtype", "{}", {}, "do not fit a Dtype"),
        (f"{MINE}:Dtype", "{}", {**ONE, "loss": torch.ones(1)}, "do not fit a Dtype"),
        (f"{MINE}:Dtype", "{}", {"gain": torch.ones(2)}, "do not fit a Dtype"),
        (f"{MINE}:Dtype", "{}", {"gain": torch.ones(1).half()}, "kept as torch.float16 and is built as torch.float32"),
        (f"{MINE}:Numbers", "{}", None, "a Numbers cannot be called"),
    ],
)
def test_what_cannot_be_built_anew_is_said_in_one_line(
    entry: str, config: str, tensors: dict[str, Tensor] | None, told: str, tmp_path: Path
) -> None:
    with pytest.raises(SurrogateError, match=told) as caught:
        rebuild(read_kept(kept(tmp_path, entry, config, tensors)), None)
    assert caught.value.hint
    assert len(str(caught.value).splitlines()) == 1


def test_without_a_config_only_what_takes_no_arguments_is_built(tmp_path: Path) -> None:
    for entry, tensors in ((f"{MINE}:Dtype", ONE), (f"{MINE}:Plain", None)):
        (kept(tmp_path, entry, "{}", tensors) / "config.json").unlink()
        if tensors:
            assert isinstance(rebuild(read_kept(tmp_path), None), Dtype)
            (tmp_path / "model.safetensors").unlink()
    with pytest.raises(SurrogateError, match="with what arguments a Plain is built was not kept"):
        rebuild(read_kept(tmp_path), None)


def test_class_config_and_weights_each_change_the_digest(tmp_path: Path) -> None:
    others = [
        kept(tmp_path / "a", "a:B", "{}", ONE),
        kept(tmp_path / "b", "a:C", "{}", ONE),
        kept(tmp_path / "c", "a:B", '{"x":1}', ONE),
        kept(tmp_path / "d", "a:B", "{}", {"gain": torch.zeros(1)}),
        kept(tmp_path / "e", "a:B", "{}"),
    ]
    assert len({digest(each) for each in others}) == len(others)
    assert digest(kept(tmp_path / "f", "a:B", "{}", ONE)) == digest(others[0])


def test_a_config_is_written_as_json(tmp_path: Path) -> None:
    keep(Plain(Numbers(0.5, ("a",))), tmp_path)
    assert json.loads((tmp_path / "config.json").read_text()) == {
        "numbers": {"gain": 0.5, "names": ["a"]},
        "more": None,
    }


def test_what_ended_an_attack_is_told_as_the_end_of_a_sentence() -> None:
    assert happened(KeyError("lr"), "cannot be kept") == "raised KeyError: 'lr'"
    assert happened(SurrogateError("no", "do so"), "cannot be kept") == "cannot be kept: no; do so"
