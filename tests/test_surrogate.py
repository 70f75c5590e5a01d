"""The surrogate of a run as a module, and when there is none to be had."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch
from record_factory import Records, changed, save, write_registry
from safetensors.torch import save_file
from torch import nn

from gexbench.attacks.bicubic import BicubicEnlargement
from gexbench.engine.attacker.kept import digest
from gexbench.engine.store.weights import file_sha256
from gexbench.errors import GexbenchError
from gexbench.nets.resunet import ResUNet, ResUNetOptions
from gexbench.surrogate import load_surrogate

PLUG_IN = """
import torch
from torch import nn

class Doubler(nn.Module):
    def __init__(self):
        super().__init__()
        self.layer = nn.Linear(2, 2)

    def forward(self, x):
        return 2 * self.layer(x)

class NoModule:
    def __init__(self, level):
        self.level = level

    def __call__(self, x):
        return self.level
"""


def kept(folder: Path, net: nn.Module, entry: str, config: object = None) -> Path:
    """Write what a run keeps of a surrogate, and return the run's folder."""
    (folder / "surrogate").mkdir(parents=True)
    save_file(net.state_dict(), folder / "surrogate" / "model.safetensors")
    (folder / "surrogate" / "class.txt").write_text(entry + "\n")
    if config is not None:
        (folder / "surrogate" / "config.json").write_text(json.dumps(config))
    return folder


@pytest.fixture
def plug_in(tmp_path: Path) -> Iterator[Path]:
    """Return a folder with a module of an attack's author, forgotten afterwards."""
    folder = tmp_path / "code"
    folder.mkdir()
    (folder / "someones_doubler.py").write_text(PLUG_IN)
    before = list(sys.path)
    yield folder
    sys.path[:] = before
    sys.modules.pop("someones_doubler", None)


def test_a_net_of_gexbench_comes_back_with_its_weights(tmp_path: Path) -> None:
    net = ResUNet(ResUNetOptions(channels=4, depth=1, blocks=1)).eval()
    config = {"options": {"channels": 4, "depth": 1, "blocks": 1}}
    loaded = load_surrogate(kept(tmp_path, net, "gexbench.nets.resunet:ResUNet", config))
    x = torch.rand(1, 3, 8, 8)
    assert not loaded.training
    assert torch.equal(loaded(x), net(x))


def test_plain_arguments_are_given_by_name(tmp_path: Path) -> None:
    entry = "gexbench.attacks.bicubic:BicubicEnlargement"
    loaded = load_surrogate(kept(tmp_path, BicubicEnlargement(3), entry, {"scale": 3}))
    assert loaded(torch.rand(1, 3, 4, 4)).shape == (1, 3, 12, 12)


def test_without_arguments_only_what_takes_none_is_built(tmp_path: Path, plug_in: Path) -> None:
    net = ResUNet()  # its defaults would fit the weights; whether they were used, nothing says
    with pytest.raises(GexbenchError, match="with what arguments a ResUNet is built was not kept") as caught:
        load_surrogate(kept(tmp_path / "one", net, "gexbench.nets.resunet:ResUNet"))
    assert "config.json" in caught.value.hint
    folder = kept(tmp_path / "two", nn.Module(), "someones_doubler:Doubler")
    sys.path.insert(0, str(plug_in))
    from someones_doubler import Doubler  # type: ignore[import-not-found]

    net = Doubler()
    save_file(net.state_dict(), folder / "surrogate" / "model.safetensors")
    x = torch.rand(1, 2)
    assert torch.equal(load_surrogate(folder, code=plug_in)(x), net(x))


def test_foreign_code_runs_only_when_its_folder_is_named(tmp_path: Path, plug_in: Path) -> None:
    folder = kept(tmp_path / "run", nn.Linear(2, 2), "someones_doubler:Doubler")
    sys.path.insert(0, str(plug_in))
    with pytest.raises(GexbenchError, match="someones_doubler:Doubler is not of gexbench") as caught:
        load_surrogate(folder)
    assert "someones_doubler" not in sys.modules
    assert "code=FOLDER" in caught.value.hint


def test_a_module_of_the_same_name_from_elsewhere_is_not_taken_for_it(tmp_path: Path, plug_in: Path) -> None:
    sys.path.insert(0, str(plug_in))
    import someones_doubler  # noqa: F401

    folder = kept(tmp_path / "run", nn.Linear(2, 2), "someones_doubler:Doubler")
    with pytest.raises(GexbenchError, match="another module 'someones_doubler' is loaded"):
        load_surrogate(folder, code=tmp_path / "run")


@pytest.mark.parametrize(
    ("entry", "config", "told"),
    [
        ("gexbench.nets.resunet:ResUNet", {"options": {"channels": 9}}, "do not fit a ResUNet"),
        ("gexbench.nets.resunet:ResUNet", {"options": {"blocks": 3}}, "do not fit a ResUNet"),
        ("gexbench.nets.resunet:ResUNet", {"options": {"colour": 9}}, r"ResUNet\(\*\*config\) raised TypeError"),
        ("gexbench.nets.resunet:ResUNet", {"colour": 9}, r"ResUNet\(\*\*config\) raised TypeError"),
        ("gexbench.nets.resunet:ResUNet", [1], "holds list, not an object of keyword arguments"),
        ("gexbench.nets.resunet:ResUNett", {}, "has no 'ResUNett'"),
        ("gexbench.nets.nowhere:Net", {}, "cannot import 'gexbench.nets.nowhere'"),
        ("gexbench.cli.app:main", {}, "is no class"),
        ("gexbench.errors:GexbenchError", {}, "is no torch module"),
        ("mine:extract.<locals>.Net", {}, "cannot be imported by name"),
        ("", {}, "cannot be imported by name"),
    ],
)
def test_what_cannot_be_built_is_said_in_one_line(tmp_path: Path, entry: str, config: object, told: str) -> None:
    with pytest.raises(GexbenchError, match=told) as caught:
        load_surrogate(kept(tmp_path, ResUNet(), entry, config))
    assert len(str(caught.value).splitlines()) == 1


def test_where_nothing_was_kept_it_is_said(tmp_path: Path) -> None:
    for place in (tmp_path, tmp_path / "nowhere", tmp_path / "nowhere" / "record.json"):
        with pytest.raises(GexbenchError, match=r"no surrogate was kept in .*surrogate"):
            load_surrogate(place)


def test_weights_that_are_not_safetensors_are_refused(tmp_path: Path) -> None:
    folder = kept(tmp_path, nn.Module(), "gexbench.attacks.bicubic:BicubicEnlargement", {"scale": 2})
    (folder / "surrogate" / "model.safetensors").write_bytes(b"\x80\x04pickle")
    with pytest.raises(GexbenchError, match="do not fit"):
        load_surrogate(folder)


def test_a_surrogate_that_is_no_module_comes_back_too(tmp_path: Path, plug_in: Path) -> None:
    folder = kept(tmp_path / "run", nn.Module(), "someones_doubler:NoModule", {"level": 3})
    (folder / "surrogate" / "model.safetensors").unlink()
    assert load_surrogate(folder, code=plug_in)(None) == 3  # type: ignore[arg-type]


def test_a_module_of_torch_comes_back(tmp_path: Path) -> None:
    assert isinstance(load_surrogate(kept(tmp_path, nn.Identity(), "torch.nn:Identity", {})), nn.Identity)


def test_a_record_names_class_config_and_weights(tmp_path: Path) -> None:
    record = Records(write_registry(tmp_path / "registry")).make()
    entry = "gexbench.attacks.bicubic:BicubicEnlargement"
    folder = kept(tmp_path / record.plan.run_name, BicubicEnlargement(2), entry, {"scale": 2})
    save(changed(record, "surrogate_sha256", digest(folder / "surrogate")), tmp_path)
    assert load_surrogate(folder).scale == 2
    (folder / "surrogate" / "config.json").write_text('{"scale": 4}')
    with pytest.raises(GexbenchError, match="does not hold the surrogate that"):
        load_surrogate(folder)


def test_weights_that_are_not_the_records_are_refused(tmp_path: Path) -> None:
    record = Records(write_registry(tmp_path / "registry")).make()
    entry = "gexbench.attacks.bicubic:BicubicEnlargement"
    folder = kept(tmp_path / record.plan.run_name, BicubicEnlargement(2), entry, {"scale": 2})
    sha256 = file_sha256(folder / "surrogate" / "model.safetensors")
    save(changed(record, "surrogate_sha256", sha256), tmp_path)
    assert load_surrogate(folder / "record.json").scale == 2
    save(changed(record, "surrogate_sha256", "0" * 64), tmp_path)
    with pytest.raises(GexbenchError, match="does not hold the surrogate that"):
        load_surrogate(folder)
