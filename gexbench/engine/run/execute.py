"""One run from plan to record."""

from __future__ import annotations

import datetime
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import safetensors.torch
import torch
from torch import Tensor

from gexbench.cards.catalog import Catalog
from gexbench.cards.entry import load_entry
from gexbench.cards.roots import packaged_root
from gexbench.cards.schema import AttackCard, DatasetCard, DefenseCard
from gexbench.core.attack import Progress
from gexbench.core.dataset import Dataset
from gexbench.engine.attacker.process import LONGEST_LATENT
from gexbench.engine.kinds.evidence import Maker, TestEvidence, collect, draw
from gexbench.engine.machine import hardware, provenance
from gexbench.engine.run import picture
from gexbench.engine.run.isolation import Isolation, chosen, places
from gexbench.engine.run.parties import ContenderParty, Journal, LocalContender, LocalService, ServiceParty, Start
from gexbench.engine.run.remote import RemoteContender, RemoteService, oracle_ends
from gexbench.engine.run.run_folder import RunFolder
from gexbench.engine.scoring import score
from gexbench.engine.scoring.features.collect import Collector
from gexbench.engine.scoring.measure import Meters, prepare
from gexbench.engine.service.ledger import answers_sold, drop_answers, paid_for, question_digest
from gexbench.engine.store import datasets, victim_weights
from gexbench.engine.store.paths import atomic_write, data_root, features_folder, home
from gexbench.engine.store.weights import read_weights
from gexbench.engine.wire.image_file import store_images
from gexbench.errors import PlanError, RunFailed
from gexbench.plan import Plan
from gexbench.record import Account, Provenance, RunRecord

OWNED = 10
"""With the knowledge `partial-real` an attacker owns one in so many of the owner's images."""


@dataclass
class Outcome:
    """What a contest left: evidence and account, or why it failed."""

    account: Account
    tests: dict[str, TestEvidence] = field(default_factory=dict)
    surrogate: str | None = None
    failure: str = ""


@dataclass
class Stopwatch:
    """Seconds spent in each stage."""

    seconds: dict[str, float] = field(default_factory=dict)

    @contextmanager
    def stage(self, name: str) -> Iterator[None]:
        """Add the time inside the block to a stage."""
        start = time.perf_counter()
        try:
            yield
        finally:
            self.seconds[name] = round(self.seconds.get(name, 0.0) + time.perf_counter() - start, 3)


@dataclass(frozen=True)
class Bench:
    """Everything one run needs, gathered before it starts."""

    plan: Plan
    catalog: Catalog
    folder: RunFolder
    files: datasets.Files
    dataset: Dataset
    collector: Collector
    hardware: hardware.Hardware
    isolation: Isolation
    journal: Journal
    watch: Stopwatch


def execute(plan: Plan, catalog: Catalog, folder: Path, tick: Progress) -> RunRecord:
    """Run a plan in its folder and return the record, which is on disk by then.

    A run whose attack fails gives a record with status "failed". Raises GexbenchError when the machine is at fault:
    missing data or weights, an unwritable folder; nothing is lost then, and the same call goes on later.
    """
    run, started = RunFolder(folder.resolve()), datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds")
    with run.locked():
        done = run.finished()
        if done is not None:
            return done
        bench = _prepare(plan, catalog, run, tick)
        outcome = _contest(bench)
        with bench.watch.stage("score"), bench.collector:
            record = _record(bench, outcome, started)
        if outcome.tests:
            picture.draw(folder / "samples.png", next(iter(outcome.tests.values())), plan)
        kept = run.put_record(record)
        if kept.status == "ok":
            drop_answers(run.ledger)
        return kept


def _prepare(plan: Plan, catalog: Catalog, run: RunFolder, tick: Progress) -> Bench:
    watch = Stopwatch()
    tick("reading data", 0, 0)
    with watch.stage("prepare"):
        files = datasets.locate(plan.dataset, catalog.filed(DatasetCard, plan.dataset.name).pins)
        dataset: Dataset = load_entry(plan.dataset.reader)(plan.dataset.settings, files)
        _check_count(plan, dataset)
        run.open(plan)
        return Bench(
            plan,
            catalog,
            run,
            files,
            dataset,
            Collector(catalog, plan.device, features_folder() if any(m.features for m in plan.metrics) else None),
            hardware.choose(plan.device, plan.profile.autocast),
            chosen(plan.isolation),
            Journal(tick),
            watch,
        )


def _check_count(plan: Plan, dataset: Dataset) -> None:
    """Raise PlanError where fewer real images are held back than a task of sampling is scored on."""
    wanted = plan.scale.samples or 0
    for name, split in dataset.tests().items() if wanted else ():
        if len(split.truth) < wanted:
            raise PlanError(
                f"task {plan.task.name!r} is scored on {wanted} images; test split {name!r} of data set "
                f"{plan.dataset.name!r} has {len(split.truth)} real ones",
                f"hold more images back, or set samples in profile.{plan.profile.name} of the task lower",
            )


def _contest(bench: Bench) -> Outcome:
    """Let service and contender meet; whatever happens, both are stopped and the account is taken."""
    tests: dict[str, TestEvidence] = {}
    failure, surrogate = "", None
    with ExitStack() as stack:
        with bench.watch.stage("start"):
            service, contender = _open(bench)
            stack.callback(service.stop)
        try:
            tests = _extract_and_collect(bench, service, contender)
            if contender is not None:
                kind = contender.save(bench.folder.work / "surrogate")
                contender.stop()
                surrogate = bench.folder.take_surrogate(kind)
        except RunFailed as error:
            failure, tests = str(error), {}
        finally:
            if contender is not None:
                contender.stop()
        account = service.close()
    for name, test in tests.items():
        bench.journal.note(_asked_ahead(bench.folder.ledger, name, test))
    return Outcome(account, tests, surrogate, failure)


def _asked_ahead(ledger: Path, name: str, test: TestEvidence) -> list[str]:
    """Return an incident where the attack had asked about images it is tested on; exact copies alone are found."""
    copies = paid_for(ledger, (question_digest(image.shape, image.numpy().tobytes()) for image in test.inputs))
    return [f"asked about {copies} of the {len(test.inputs)} images of test {name}"] if copies else []


def _extract_and_collect(
    bench: Bench, service: ServiceParty, contender: ContenderParty | None
) -> dict[str, TestEvidence]:
    if contender is not None:
        with bench.watch.stage("extract"):
            contender.extract()
    service.close()
    with bench.watch.stage("evidence"):
        if bench.plan.task.kind == "sampling":
            drawn = draw(bench.plan.scale.samples or 0, service.draw, _maker(bench, contender), bench.journal.tick)
            if any(metric.against == "bought" for metric in bench.plan.metrics):
                drawn = drawn.after(_sold(bench), service.draw, bench.journal.tick)
            return {name: drawn.beside(split) for name, split in bench.dataset.tests().items()}
        infer = contender.infer if contender is not None else None
        return {n: collect(s, service.answer, infer, bench.journal.tick) for n, s in bench.dataset.tests().items()}


def _sold(bench: Bench) -> tuple[Tensor, ...]:
    """Return what the service sold, as it left."""
    side = bench.plan.scale.side
    assert side is not None  # the task's card was checked
    answers = answers_sold(bench.folder.ledger)
    return tuple(torch.frombuffer(bytearray(a), dtype=torch.uint8).reshape(3, side, side) for a in answers)


def _maker(bench: Bench, contender: ContenderParty | None) -> Maker | None:
    if contender is None:
        return None
    if contender.latent_size is None:
        raise RunFailed(
            f"the surrogate has no latent_size, a whole number from 1 to {LONGEST_LATENT}",
            "return a module that says how long the latents are that it takes",
        )
    return Maker(contender.infer, contender.latent_size, bench.plan.seed)


def _open(bench: Bench) -> tuple[ServiceParty, ContenderParty | None]:
    start = Start(bench.plan, _service_files(bench), _brief(bench), bench.hardware.device, bench.hardware.threads)
    alone = bench.plan.attack.answers == "victim"
    bench.journal.tick("opening the service", 0, 0)
    if bench.isolation == "none":
        local = LocalService(start)
        return local, None if alone else LocalContender(start, local, bench.journal)
    where, ends = places(bench.folder, start, _private(bench)), oracle_ends()
    service = RemoteService(start, where.service, ends.service, bench.journal)
    contender: RemoteContender | None = None
    if alone:
        ends.contender.close()
    else:
        contender = RemoteContender(start, where.contender, ends.contender, service, bench.journal)
    try:
        service.wait_ready()
        if contender is not None:
            contender.wait_ready()
    except BaseException:
        if contender is not None:
            contender.stop()
        service.stop()
        raise
    return service, contender


def _private(bench: Bench) -> list[Path]:
    """Return what no attack may read: data-set files, the registry, weights, every run but its own folder."""
    files = [file.path for files in bench.files.values() for file in files if file.path]
    return [*files, packaged_root().path, home(), *filter(None, [data_root()]), bench.folder.path.parent]


def _service_files(bench: Bench) -> dict[str, object]:
    plan, catalog = bench.plan, bench.catalog
    files: dict[str, object] = {
        "weights": str(victim_weights.weights_path(plan.victim, catalog)),
        "ledger": str(bench.folder.ledger),
        "defense_code": None,
    }
    if plan.defense is not None:
        code = catalog.filed(DefenseCard, plan.defense.name).root.code
        files["defense_code"] = str(code) if code else None
        if plan.defense.hardens:
            files["owner"] = str(bench.folder.ledger.parent / "owner.safetensors")
            store_images(Path(str(files["owner"])), bench.dataset.owner())
    return files


def _brief(bench: Bench) -> dict[str, object]:
    plan, owner, pool = bench.plan, bench.dataset.owner(), bench.dataset.pool()
    images = {"pool": pool.inputs}
    if "truth" in plan.attack.needs:
        images["truth"] = owner if plan.task.kind == "sampling" else pool.truth
    if "partial-real" in plan.attack.needs:
        images["real"] = [owner[i] for i in range(0, len(owner), OWNED)]
    files = {name: bench.folder.brief / f"{name}.safetensors" for name in images}
    for name, file in files.items():
        store_images(file, images[name])
    code = bench.catalog.filed(AttackCard, plan.attack.name).root.code
    return {
        "entry": plan.attack.entry,
        "code": str(code) if code else None,
        **{name: str(file) for name, file in files.items()},
        "discriminator": _leaked(bench, "discriminator") if "discriminator" in plan.attack.needs else None,
        "victim": _leaked(bench, "") if "weights" in plan.attack.needs else None,
        "scale": plan.task.scale,
        "side": plan.scale.side,
        "budget": plan.budget,
        "knowledge": list(plan.attack.needs),
        "device": bench.hardware.device,
        "precision": bench.hardware.precision,
        "threads": bench.hardware.threads,
        "seed": plan.seed,
        "deadline": plan.deadline,
        "options": plan.options,
        "workdir": str(bench.folder.work),
        "private": [str(path) for path in _private(bench)],
        "writable": [str(bench.folder.work)],
    }


def _leaked(bench: Bench, part: str) -> dict[str, object]:
    """Copy a part of the victim, "" for all of it, to where the attack may read it; returns what a brief says of it."""
    victim, file = bench.plan.victim, bench.folder.brief / f"{part or 'victim'}.safetensors"
    weights = read_weights(victim_weights.weights_path(victim, bench.catalog))
    head = f"{part}." if part else ""
    leaked = {name.removeprefix(head): tensor for name, tensor in weights.items() if name.startswith(head)}
    if not leaked:
        raise PlanError(f"no {part} leaked with victim {victim.name!r}", "name another victim in the profile")
    atomic_write(file, safetensors.torch.save(leaked))
    return {"entry": victim.entry, "net": victim.net, "part": part, "file": str(file)}


def _record(bench: Bench, outcome: Outcome, started: str) -> RunRecord:
    plan, tick = bench.plan, bench.journal.tick
    meters = prepare(plan.metrics, bench.catalog) if outcome.tests else Meters({}, {})
    scores, absent = score.score(plan, meters, outcome.tests, bench.collector, tick)
    return RunRecord(
        id=plan.id,
        status="failed" if outcome.failure else "ok",
        reason=outcome.failure,
        incidents=tuple(bench.journal.incidents),
        isolation=bench.isolation,
        started=started,
        plan=plan,
        scores=scores,
        honest_cost=score.honest_cost(plan, meters, outcome.tests, bench.collector, tick),
        absent=absent,
        account=outcome.account,
        cost_usd=round(outcome.account.answered * plan.task.price, 6),
        seconds=dict(bench.watch.seconds),
        peak_memory_bytes=dict(bench.journal.peak_memory),
        surrogate_sha256=outcome.surrogate,
        attack_report=dict(bench.journal.report),
        provenance=_provenance(bench),
    )


def _provenance(bench: Bench) -> Provenance:
    commit, dirty = provenance.git_state()
    return Provenance(
        package=provenance.own_version(),
        code=bench.plan.code,
        git=commit,
        dirty=dirty,
        python=provenance.python(),
        libraries=provenance.versions(),
        platform=provenance.system(),
        processor=hardware.processor(),
        device=bench.hardware.device,
        precision=bench.hardware.precision,
        threads=bench.hardware.threads,
        victim_weights=bench.plan.victim_weights,
        dataset=datasets.digest(bench.plan.dataset, bench.files),
    )
