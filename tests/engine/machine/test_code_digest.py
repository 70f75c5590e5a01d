"""A plan's code digest: what it covers, and what may change without renaming a run."""

from __future__ import annotations

import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import get_args

import pytest

from gexbench import bench
from gexbench.cards.catalog import Catalog
from gexbench.cards.schema import AttackCard, DatasetCard, MetricCard, TaskCard, VictimCard
from gexbench.engine.machine.code_digest import KINDS, ROOTS, WALLS, Origin, code_digest, other_kinds, reached
from gexbench.engine.machine.provenance import PACKAGE
from gexbench.errors import CardError
from gexbench.plan import Request

CATALOG = Catalog.load()
KIND_WORDS = get_args(TaskCard.model_fields["kind"].annotation)
ROLES = ("attacks", "defenses", "victims", "datasets", "metrics", "extractors", "nets", "training", "core")
Edit = Callable[[str], None]


def origin(attack: str = "srresnet", *more: str, task: str = "sr", plug_ins: tuple[Path, ...] = ()) -> Origin:
    """Return where the numbers of an attack on a task at mini come from."""
    card = CATALOG.get(TaskCard, task)
    scale = card.profile["mini"]
    entries = [CATALOG.get(MetricCard, name).entry for name in card.metrics]
    entries += [CATALOG.get(VictimCard, scale.victim).entry, CATALOG.get(DatasetCard, scale.dataset).reader]
    entries += [CATALOG.get(AttackCard, attack).entry or "", *more]
    return Origin(tuple(entries), card.kind, plug_ins)


SR, SAMPLING = origin(), origin("sngan", task="latent-fidelity")


@pytest.fixture
def package(tmp_path: Path) -> Path:
    """A copy of the package to edit."""
    return Path(shutil.copytree(PACKAGE, tmp_path / "gexbench", ignore=shutil.ignore_patterns("__pycache__")))


def edit(package: Path, file: str, line: str = "EDITED = 1") -> None:
    """Put a line at a module's end; fails where there is no such module."""
    path = package / file
    path.write_text(path.read_text(encoding="utf-8") + f"\n{line}\n", encoding="utf-8")


@pytest.mark.parametrize(
    "file",
    [
        "attacks/srresnet.py",
        "core/images.py",
        "datasets/photos.py",
        "engine/attacker/process.py",
        "engine/kinds/evidence.py",
        "engine/kinds/guard.py",
        "engine/machine/hardware.py",
        "engine/run/execute.py",
        "engine/scoring/measure.py",
        "engine/scoring/score.py",
        "engine/service/ledger.py",
        "engine/service/meter.py",
        "engine/service/process.py",
        "engine/store/file_lists.py",
        "engine/store/weights.py",
        "engine/wire/image_file.py",
        "metrics/lpips.py",
        "metrics/pixel.py",
        "nets/srresnet.py",
        "training/augment.py",
        "training/losses.py",
        "training/super_resolution.py",
        "victims/srgan.py",
    ],
)
def test_an_edit_of_what_a_plan_uses_changes_its_digest(package: Path, file: str) -> None:
    before = code_digest(SR, package)
    edit(package, file)
    assert code_digest(SR, package) != before


@pytest.mark.parametrize(
    "file",
    [
        "attacks/bicubic.py",
        "attacks/pix2pix.py",
        "bench.py",
        "boards/render.py",
        "cards/fields.py",
        "cards/schema.py",
        "cli/run.py",
        "datasets/scenes.py",
        "defenses/jpeg.py",
        "engine/checks/machine.py",
        "engine/attacker/audit.py",
        "engine/kinds/sampling.py",
        "engine/kinds/contact_sheet.py",
        "engine/run/train_victim.py",
        "engine/sandbox/supervisor.py",
        "engine/scoring/compare.py",
        "engine/store/assets.py",
        "engine/store/convert.py",
        "engine/store/download.py",
        "errors.py",
        "extractors/inception.py",
        "metrics/frechet.py",
        "nets/stylegan2.py",
        "plan.py",
        "training/conditional.py",
        "victims/cyclegan.py",
    ],
)
def test_an_edit_of_anything_else_leaves_the_digest_alone(package: Path, file: str) -> None:
    before = code_digest(SR, package)
    edit(package, file)
    assert code_digest(SR, package) == before


def test_comments_docstrings_and_layout_of_what_is_reached_do_not_count(package: Path) -> None:
    before, path = code_digest(SR, package), package / "training" / "losses.py"
    text = (
        path.read_text(encoding="utf-8").replace('"""', '"""Reworded. ', 1).replace("\n\n\ndef ", "\n\n\n\n# why\ndef ")
    )
    path.write_text(text, encoding="utf-8")
    edit(package, "training/losses.py", '"""What stands above."""')
    assert code_digest(SR, package) == before


def test_a_metric_a_defense_or_an_extractor_counts_where_a_plan_names_it() -> None:
    digests = {
        code_digest(origin("srresnet", *more))
        for more in [(), ("gexbench.defenses.jpeg:Jpeg",), ("gexbench.extractors.thumbnail:Thumbnail",)]
    }
    assert len(digests) == 3


@pytest.mark.parametrize(("plan", "kind"), [(SR, "image-to-image"), (SAMPLING, "sampling")])
def test_the_file_of_a_plans_kind_counts_and_those_of_other_kinds_do_not(plan: Origin, kind: str) -> None:
    files = {f"{KINDS}.{file.stem}" for file in (PACKAGE / "engine" / "kinds").glob("*.py")} - {f"{KINDS}.__init__"}
    others = {f"{KINDS}.{word.replace('-', '_')}" for word in KIND_WORDS if word != kind}
    assert plan.kind == kind
    assert set(reached(plan)) & files == files - others - {f"{KINDS}.contact_sheet", f"{KINDS}.near_copies"}
    assert set(other_kinds(kind)) == others


def test_an_edit_of_how_images_are_drawn_renames_the_runs_of_services_that_draw_alone(package: Path) -> None:
    before = [code_digest(plan, package) for plan in (SR, SAMPLING)]
    edit(package, "engine/kinds/sampling.py")
    after = [code_digest(plan, package) for plan in (SR, SAMPLING)]
    assert (after[0] == before[0], after[1] == before[1]) == (True, False)


@pytest.mark.parametrize("names", [ROOTS, WALLS], ids=["roots", "walls"])
def test_what_is_listed_is_there(names: tuple[str, ...]) -> None:
    paths = {name: PACKAGE.joinpath(*name.split(".")[1:]) for name in names}
    assert [name for name, path in paths.items() if not (path.is_dir() or path.with_suffix(".py").is_file())] == []


def test_no_root_is_behind_a_wall() -> None:
    assert set(ROOTS) <= set(reached(SR))


def test_a_root_or_an_entry_that_is_not_there_is_refused(package: Path) -> None:
    with pytest.raises(CardError, match=r"gexbench has no module 'gexbench\.attacks\.nothing'"):
        code_digest(Origin(("gexbench.attacks.nothing:Nothing",), "image-to-image"))
    (package / "engine" / "service" / "process.py").unlink()
    with pytest.raises(CardError, match=r"no module 'gexbench\.engine\.service\.process'"):
        code_digest(SR, package)


def test_no_attack_reaches_another_role_or_what_only_shows() -> None:
    for name, filed in CATALOG.all(AttackCard).items():
        entry = filed.card.entry
        if entry is None or filed.root.outside:
            continue
        found = set(reached(Origin((entry,), filed.card.task_kinds[0])))
        parts = {module.split(".")[1] for module in found}
        assert parts <= {*ROLES, "engine"}, name
        assert {m for m in found if m.startswith("gexbench.attacks.")} == {entry.partition(":")[0]}


def test_what_a_plug_in_imports_of_gexbench_counts(package: Path, tmp_path: Path) -> None:
    code = tmp_path / "attack.py"
    code.write_text("def extract():\n    from gexbench.nets import unet\n    from gexbench.cli import app\n")
    plan = origin("bicubic", plug_ins=(code, tmp_path / "notes.txt"))
    assert set(reached(plan)) - set(reached(origin("bicubic"))) == {"gexbench.nets.unet"}
    before = code_digest(plan, package)
    edit(package, "nets/unet.py")
    assert code_digest(plan, package) != before


def test_relative_imports_and_packages_are_followed(package: Path) -> None:
    (package / "nets" / "inner").mkdir()
    (package / "nets" / "inner" / "__init__.py").write_text("from .. import patch_net\nfrom . import deep\n")
    (package / "nets" / "inner" / "deep.py").write_text("from ..unet import UNet\n")
    edit(package, "attacks/bicubic.py", "import gexbench.nets.inner.deep as deep")
    found = set(reached(origin("bicubic"), package)) - set(reached(origin("bicubic")))
    assert found >= {"gexbench.nets.inner", "gexbench.nets.inner.deep", "gexbench.nets.unet", "gexbench.nets.patch_net"}


def test_a_plan_names_attack_defense_victim_data_metrics_and_extractors(monkeypatch: pytest.MonkeyPatch) -> None:
    named: list[Origin] = []
    monkeypatch.setattr("gexbench.engine.machine.code_digest.code_digest", lambda plan: named.append(plan) or "code")
    bench.identify(Request("latent-fidelity", "sngan", defense="jpeg"), CATALOG)
    bench.identify(Request("latent-fidelity", "victim"), CATALOG)
    both = {entry.partition(":")[0].removeprefix("gexbench.") for entry in named[1].entries}
    assert both == {
        "datasets.drawn", "datasets.figure_kinds", "extractors.inception", "extractors.thumbnail", "metrics.frechet",
        "metrics.kinds", "metrics.manifold", "metrics.memory", "metrics.mmd", "metrics.prd", "metrics.two_sample",
        "victims.sngan",
    }  # fmt: skip
    more = {entry.partition(":")[0] for entry in named[0].entries if entry not in named[1].entries}
    assert more == {"gexbench.attacks.sngan", "gexbench.defenses.jpeg"}
    assert {plan.kind for plan in named} == {"sampling"}


def test_planning_reads_imports_without_torch() -> None:
    code = (
        "import sys; from gexbench.bench import prepare; from gexbench.plan import Request\n"
        "plan = prepare(Request('sr', 'srresnet', defense='jpeg'))[1]\n"
        "print(len(plan.code), 'torch' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=PACKAGE.parent)
    assert done.stdout.split() == ["16", "False"], done.stderr
