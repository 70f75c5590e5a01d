"""A small registry and records made by hand, without torch."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest

from gexbench import bench
from gexbench.cards import roots
from gexbench.cards.catalog import Catalog
from gexbench.cards.roots import CardRoot
from gexbench.ownership import Innocent, Scored, judged
from gexbench.plan import Identity, Plan, Request, resolve
from gexbench.record import Account, HonestCost, Passport, Provenance, RunRecord, Score

IMAGES = {"set5": 5, "set14": 14}
CARDS = {
    "tasks/sr": """
        name = "sr"
        kind = "image-to-image"
        scale = 4
        summary = "Copy a service."
        price = 0.01
        metrics = ["psnr-y", "lpips-alex"]
        main = { metric = "psnr-y", compare = "B" }
        honest_cost = ["lpips-alex"]
        controls = ["bicubic", "victim"]
        [profile.mini]
        victim = "net"
        dataset = "photos"
        budgets = [50, 100]
        deadline = 60
        [profile.paper]
        victim = "net"
        dataset = "photos"
        budgets = [500, 1000]
        deadline = 600
    """,
    "victims/net": """
        name = "net"
        summary = "A victim."
        task_kind = "image-to-image"
        scale = 4
        entry = "gexbench.victims.net:Net"
        dataset = "photos"
    """,
    "datasets/photos": """
        name = "photos"
        summary = "Photos."
        reader = "gexbench.datasets.photos:Photos"
        licence = "CC0"
        [splits]
        owner = { within = "package", files = ["a"] }
        pool = { within = "package", files = ["b"] }
        [splits.test]
        set5 = { within = "package", files = ["c"] }
        set14 = { within = "package", files = ["d"] }
    """,
    "attacks/srresnet": """
        name = "srresnet"
        summary = "An attack."
        entry = "gexbench.attacks.srresnet:A"
        [options]
        steps = { type = "int", default = 400, help = "steps" }
        lr = { type = "float", default = 1e-3, help = "rate" }
    """,
    "attacks/copycat": """
        name = "copycat"
        summary = "Another attack."
        entry = "gexbench.attacks.copycat:A"
    """,
    "attacks/bicubic": """
        name = "bicubic"
        summary = "The floor."
        kind = "control"
        entry = "gexbench.attacks.bicubic:A"
        needs = []
    """,
    "attacks/victim": """
        name = "victim"
        summary = "The ceiling."
        kind = "control"
        answers = "victim"
        needs = []
    """,
    "defenses/jpeg": """
        name = "jpeg"
        summary = "A defense."
        entry = "gexbench.defenses.jpeg:D"
        [options]
        quality = { type = "int", default = 75, help = "quality" }
        [sweep]
        quality = [90, 75, 10]
    """,
    "defenses/mark": """
        name = "mark"
        summary = "A defense that claims."
        entry = "gexbench.defenses.mark:D"
        claims = true
    """,
    "metrics/psnr-y": """
        name = "psnr-y"
        summary = "PSNR."
        entry = "gexbench.metrics.pixel:Psnr"
        unit = "dB"
        higher_is_better = true
        tolerance = 0.1
        settings = { crop = 4 }
        preprocessing = "luma"
        source = "a book"
    """,
    "metrics/lpips-alex": """
        name = "lpips-alex"
        summary = "LPIPS."
        entry = "gexbench.metrics.lpips:Lpips"
        unit = "1"
        higher_is_better = false
        tolerance = 0.01
        preprocessing = "none"
        source = "a paper"
    """,
    "profiles/mini": 'name = "mini"\nsummary = "Small."\nseeds = 3\nautocast = false',
    "profiles/paper": 'name = "paper"\nsummary = "Large."\nseeds = 3\nautocast = false',
    "boards/sr": """
        name = "sr"
        summary = "Who copies best."
        task = "sr@1"
        columns = [{ metric = "psnr-y", compare = "B" }, { metric = "psnr-y", compare = "C" }]
        [[reported]]
        title = "A paper, table 5"
        source = "A. Author 2023"
        traps = ["Its benchmark is said to hold 294 images and holds 219."]
        rows = [{ attack = "theirs", test = "SRBenchmark", metric = "PSNR", values = { B = "20.64 ± 3.33" } }]
        [[defenses]]
        defense = "their mark"
        finding = "It does not survive."
        trap = "Its schedule was cut short."
        source = "A. Author 2023, section 7"
    """,
}


def write_registry(folder: Path) -> Path:
    """Write the small registry's cards below `folder` and return it."""
    for name, text in CARDS.items():
        path = folder / f"{name}.toml"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    return folder


@dataclass(frozen=True)
class Records:
    """Make records of runs on the small registry."""

    folder: Path
    identity: Identity = field(default=Identity("victim-hash", "pins-hash", "code-hash"))

    @property
    def catalog(self) -> Catalog:
        """Return the small registry's catalog."""
        return Catalog((CardRoot(self.folder, "test", outside=False),))

    def plan(self, attack: str = "srresnet", **request: Any) -> Plan:
        """Return a plan; `request` as in plan.Request."""
        return resolve(Request("sr", attack, **request), self.catalog, self.identity)

    def make(self, attack: str = "srresnet", b: float = 27.0, c: float = 25.0, **request: Any) -> RunRecord:
        """Return a sealed record whose PSNR against victim and truth is b and c on set5, and 1 dB less on set14."""
        return record_of(self.plan(attack, **request), b, c)

    def seeds(self, values: Mapping[int, float] | tuple[float, ...], **request: Any) -> list[RunRecord]:
        """Return a record a seed, with the given PSNR against the victim."""
        pairs = values.items() if isinstance(values, Mapping) else enumerate(values)
        return [self.make(b=value, seed=seed, **request) for seed, value in pairs]


def record_of(plan: Plan, b: float = 27.0, c: float = 25.0) -> RunRecord:
    """Return a plan's sealed record, as `Records.make` does."""
    asked = plan.budget if "outputs" in plan.attack.needs else 0
    honest = tuple(honest_cost(test, n) for test, n in IMAGES.items() if plan.defense)
    return RunRecord(
        id=plan.id,
        status="ok",
        isolation="landlock",
        started="2026-01-01T00:00:00+00:00",
        plan=plan,
        scores=scores(plan, b, c),
        honest_cost=honest,
        cost_usd=asked * plan.task.price,
        account=Account(budget=plan.budget, asked=asked, answered=asked, sessions=1),
        provenance=provenance(),
    ).sealed()


def owned(record: RunRecord, suspect: float, innocents: Sequence[float], p: float | None = None) -> RunRecord:
    """Return a record with a verdict: marked answers score 50 and plain ones 0, innocents as given by place."""
    made = [
        Innocent(id=sha256(str(at).encode()).hexdigest(), made=f"seed {at}", score=score, sets_threshold=False)
        for at, score in enumerate(innocents)
    ]
    marked, plain = Scored(score=50.0, p=p), Scored(score=0.0, p=None if p is None else 0.5)
    verdict = judged(Scored(score=suspect, p=p), marked, plain, made, outputs=64)
    return changed(record, "ownership", verdict)


def honest_cost(test: str, n: int, value: float = 0.05) -> HonestCost:
    """Return what a defense costs on a test split, or on queries."""
    return HonestCost(
        metric="lpips-alex",
        test=test,
        value=value,
        unit="1",
        higher_is_better=False,
        n=n,
        passport=passport("lpips-alex"),
    )


def scores(plan: Plan, b: float, c: float) -> tuple[Score, ...]:
    """Return PSNR and LPIPS on both test splits, as a run would."""
    compares = ("A", "C") if plan.attack.answers == "victim" else ("A", "B", "C")
    values = {"A": 30.0, "B": b, "C": c}
    return tuple(
        Score(
            metric=metric,
            compare=compare,
            test=test,
            unit="dB" if metric == "psnr-y" else "1",
            value=values[compare] - less if metric == "psnr-y" else 0.1,
            higher_is_better=metric == "psnr-y",
            n=IMAGES[test],
            seed=plan.seed,
            passport=passport(metric),
        )
        for test, less in (("set5", 0.0), ("set14", 1.0))
        for compare in compares
        for metric in ("psnr-y", "lpips-alex")
    )


def passport(metric: str) -> Passport:
    """Return a metric's passport."""
    return Passport(
        metric=metric,
        version=1,
        implementation="gexbench.metrics:M",
        settings={"crop": 4},
        preprocessing="luma",
        precision="float64",
        weights={},
    )


def provenance() -> Provenance:
    """Return what a clean checkout would say."""
    return Provenance(
        package="0.1.0",
        code="code-hash",
        git="abc",
        dirty=False,
        python="3.11",
        libraries={"torch": "2.11"},
        platform="Linux",
        processor="cpu",
        device="cpu",
        precision="fp32",
        threads=2,
        victim_weights="victim-hash",
        dataset="files-hash",
    )


def changed(record: RunRecord, path: str, value: object) -> RunRecord:
    """Return a record sealed anew with one value replaced; `path` such as "provenance.dirty"."""
    return _replaced(record, path.split("."), value).sealed()


def _replaced(model: Any, path: list[str], value: object) -> Any:
    head, *rest = path
    new = _replaced(getattr(model, head), rest, value) if rest else value
    return model.model_copy(update={head: new})


def behind_an_address(record: RunRecord) -> RunRecord:
    """Return the record of a victim that is a service over HTTP."""
    there = {"backend": "http", "entry": "", "net": {}, "weights": None, "endpoint": {"url": "http://localhost/"}}
    return changed(record, "plan.victim", record.plan.victim.model_copy(update=there))


def save(record: RunRecord, folder: Path) -> Path:
    """Write a record as a run folder and return the folder."""
    run = folder / record.plan.run_name
    run.mkdir(parents=True, exist_ok=True)
    (run / "record.json").write_text(record.model_dump_json(indent=2), encoding="utf-8")
    return run


def stand_in(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Records:
    """Let gexbench see a small registry instead of its own, and run in an empty folder."""
    made = Records(write_registry(folder / "registry"))
    root = made.catalog.roots[0]
    monkeypatch.setattr(roots, "packaged_root", lambda: root)
    monkeypatch.setattr(roots, "installed_roots", list)
    monkeypatch.setattr(bench, "identify", lambda request, catalog: made.identity)
    (folder / "here").mkdir()
    monkeypatch.chdir(folder / "here")
    return made
