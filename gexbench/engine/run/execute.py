"""One run from plan to record."""

from __future__ import annotations

import datetime
import hashlib
import io
import shutil
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from pathlib import Path

from torch import Tensor

from gexbench.cards.catalog import Catalog
from gexbench.cards.entry import load_entry
from gexbench.cards.own import is_remote
from gexbench.cards.schema import DatasetCard
from gexbench.core.attack import Progress
from gexbench.core.dataset import Dataset
from gexbench.engine.kinds.evidence import TestEvidence, valid
from gexbench.engine.kinds.kind import Copy, Witnesses, task_kind
from gexbench.engine.machine import hardware, provenance
from gexbench.engine.run.clock import Stopwatch, Timesheet, evidence_seconds
from gexbench.engine.run.defense import queried
from gexbench.engine.run.isolation import Isolation, chosen, confines, surrogate_confines
from gexbench.engine.run.kept_evidence import keep
from gexbench.engine.run.local import LocalAttacker, LocalService, LocalSurrogate
from gexbench.engine.run.nearness import nearness_of
from gexbench.engine.run.orders import Setting, held_back, make_orders, private, surrogate_order
from gexbench.engine.run.ownership import ownership
from gexbench.engine.run.prepare_defense import Trial, armed
from gexbench.engine.run.remote import RemoteAttacker, RemoteService, oracle_ends
from gexbench.engine.run.remote_surrogate import RemoteSurrogate
from gexbench.engine.run.rescore import lacking, rescored
from gexbench.engine.run.run_folder import RunFolder
from gexbench.engine.run.sides import AttackerSide, Journal, Orders, ServiceSide, SurrogateSide
from gexbench.engine.run.taking import take
from gexbench.engine.scoring import score
from gexbench.engine.scoring.features.collect import Collector
from gexbench.engine.scoring.measure import Prepared, prepare
from gexbench.engine.service.ledger import drop_answers, is_shut, transfer_set
from gexbench.engine.store import datasets, pictures
from gexbench.engine.store.paths import features_folder
from gexbench.errors import OutputError, RunFailed
from gexbench.files import atomic_write
from gexbench.ownership import Ownership
from gexbench.plan import Plan
from gexbench.record import QUERIES, REDRAWN, Account, Bill, Nearness, Provenance, RunRecord

ALIKE = 2.0 / 255.0
ANOTHER = "give another folder with --out, or start the run anew with --fresh"
Look = Callable[[Mapping[str, TestEvidence]], None]


@dataclass
class Outcome:
    """What a run left: evidence and account, or why it failed.

    delay: what an answer waited for the defense. queried: under a defense, some of the attack's own questions. bill: of
    a victim behind an address.
    """

    account: Account
    delay: float | None = None
    tests: dict[str, TestEvidence] = field(default_factory=dict)
    queried: TestEvidence | None = None
    surrogate: str | None = None
    failure: str = ""
    bill: Bill | None = None
    nearness: dict[str, Nearness] = field(default_factory=dict)
    ownership: Ownership | None = None


@dataclass(frozen=True)
class Taken:
    """A surrogate that was taken over: its digest, and what the attack's own answered to the probe, a claim."""

    digest: str
    answer: Tensor | None


@dataclass(frozen=True)
class Run:
    """A run that is under way."""

    setting: Setting
    isolation: Isolation
    collector: Collector
    journal: Journal
    stopwatch: Stopwatch


@dataclass(frozen=True)
class Beside:
    """What a run does beside its record.

    look: called with the evidence by test split before it is scored; nothing of it is kept. redraws: how often a drawn
    data set's tests are drawn anew, each time under names that only this call knows; they are more test splits in the
    record, "redrawn-1-<name>" and on. keep: whether answers are kept beside the record, see kept_evidence. trial: has
    the defense prepared from a few images, for this call alone. tested: False ends the run once its surrogate is kept,
    and keeps nothing else; such a record holds no scores.
    """

    look: Look | None = None
    redraws: int = 0
    keep: bool = True
    trial: Trial | None = None
    tested: bool = True


def execute(plan: Plan, catalog: Catalog, folder: Path, progress: Progress, beside: Beside = Beside()) -> RunRecord:
    """Run a plan in its folder and return the record, which is on disk by then.

    A run whose attack fails gives a record with status "failed". Raises GexbenchError when the machine is at fault:
    missing data or weights, an unwritable folder, a folder that holds another run's record; nothing is lost then, and
    the same call goes on later. A run that is finished is not run again; what it could not measure is measured where
    its weights have come since.
    """
    folder_of_run, started = RunFolder(folder.resolve()), datetime.datetime.now(datetime.UTC)
    with folder_of_run.locked():
        done = folder_of_run.finished()
        if done is not None and done.id != plan.id:
            raise OutputError(f"{folder_of_run.record} is the record of run {done.id}, not of {plan.id}", ANOTHER)
        if done is not None:
            return _completed(done, catalog, folder_of_run, progress)
        run = begin(plan, catalog, folder_of_run, progress, beside.redraws)
        run, outcome = _met(run, beside)
        if beside.look is not None:
            beside.look(outcome.tests)
        with run.stopwatch.stage("score"), run.collector:
            record = _record(run, outcome, started.isoformat(timespec="seconds"))
        if beside.keep and outcome.tests:
            record = record.model_copy(update={"evidence_sha256": keep(folder_of_run.path, _keepable(outcome))})
        if not beside.keep and record.ownership is not None:
            shutil.rmtree(folder_of_run.trial, ignore_errors=True)
            verdict = record.ownership.model_copy(update={"evidence_sha256": None})
            record = record.model_copy(update={"ownership": verdict})
        if outcome.tests:
            _draw(run, next(iter(outcome.tests.values())))
        kept = folder_of_run.put_record(record)
        if kept.status == "ok":
            drop_answers(folder_of_run.ledger)
        if kept.status == "ok" and not beside.tested:
            folder_of_run.drop_work()
        return kept


def _completed(done: RunRecord, catalog: Catalog, folder: RunFolder, progress: Progress) -> RunRecord:
    names = lacking(done)
    if not names or done.evidence_sha256 is None:
        return done
    record = rescored(done, catalog, folder.path, progress, names)
    return done if record.scores == done.scores else folder.put_record(record)


def _keepable(outcome: Outcome) -> dict[str, TestEvidence]:
    tests = {name: test for name, test in outcome.tests.items() if not name.startswith(REDRAWN)}
    return tests if outcome.queried is None else {**tests, QUERIES: outcome.queried}


def begin(plan: Plan, catalog: Catalog, folder: RunFolder, progress: Progress, redraws: int) -> Run:
    """Read a plan's data and open its folder, which the caller has locked; raises GexbenchError for what is missing."""
    stopwatch = Stopwatch()
    progress("reading data", 0, 0)
    with stopwatch.stage("prepare"):
        files = datasets.locate(plan.dataset, catalog.filed(DatasetCard, plan.dataset.name).pins)
        dataset: Dataset = load_entry(plan.dataset.reader)(plan.dataset.settings, files)
        kind = task_kind(plan.task.kind)
        kind.check(plan, dataset)
        pictures.refuse(plan.dataset, files, dataset, progress)
        folder.open(plan, anew=is_shut(folder.ledger))
        machine = hardware.choose(plan.device, plan.profile.autocast)
        setting = Setting(
            plan, catalog, folder, files, dataset, held_back(plan, dataset, files, redraws), machine, kind
        )
        features = features_folder() if any(metric.features for metric in plan.metrics) else None
        collector = Collector(catalog, plan.device, features)
        evidence = evidence_seconds(plan.deadline, plan.scale.evidence)
        journal = Journal(progress, Timesheet(plan.deadline, evidence, folder.timesheet))
        return Run(setting, chosen(plan.isolation), collector, journal, stopwatch)


def _met(run: Run, beside: Beside) -> tuple[Run, Outcome]:
    """Let the attack meet the service, behind what the defense prepared; returns the run with what it was given."""
    try:
        setting = armed(run.setting, run.isolation, run.journal, beside.trial)
    except RunFailed as error:
        return run, Outcome(Account(budget=run.setting.plan.budget), failure=str(error))
    if setting.defending and setting.defending.prepared:
        run.stopwatch.seconds["prepare-defense"] = setting.defending.prepared.passport.seconds
    armed_run = replace(run, setting=setting)
    return armed_run, _attacked(armed_run, beside.tested)


def _attacked(run: Run, tested: bool) -> Outcome:
    """Let the attack meet the service; whatever happens, both are stopped and the account is taken."""
    tests: dict[str, TestEvidence] = {}
    failure, surrogate, asked, owned = "", None, None, None
    with ExitStack() as stack:
        with run.stopwatch.stage("start"):
            service, attacker = _open(run)
            stack.callback(service.stop)
        try:
            kept = None if attacker is None else _kept(run, service, attacker)
            surrogate = None if kept is None else kept.digest
            if tested:
                tests, owned = _collected(run, service, kept)
                asked = queried(service.unmetered)
        except RunFailed as error:
            failure, tests = str(error), {}
        finally:
            if attacker is not None:
                attacker.stop()
        closed = service.close()
        bill = _settled(run, service, watch=not failure) if is_remote(run.setting.plan.victim) else None
    with run.stopwatch.stage("compare"):
        nearness = nearness_of(run.setting, run.journal, tests)
    return Outcome(
        account=closed.account,
        delay=closed.delay,
        tests=tests,
        queried=asked if tests else None,
        surrogate=surrogate,
        failure=failure,
        bill=bill,
        nearness=nearness,
        ownership=owned if tests else None,
    )


def _settled(run: Run, service: ServiceSide, watch: bool) -> Bill:
    """Return what a victim behind an address was paid; an incident is what it answers otherwise at the end."""
    settled = service.settle(watch)
    if settled.changed:
        run.journal.note((f"the victim is no longer what it was at the start: it {settled.changed}",))
    return settled.bill


def _kept(run: Run, service: ServiceSide, attacker: AttackerSide) -> Taken:
    """Have the attack make and save its surrogate, and end all that it started."""
    folder = run.setting.folder
    with run.stopwatch.stage("extract"):
        attacker.extract()
    service.close()
    with run.stopwatch.stage("save"):
        answer = attacker.save(folder.saved)
        attacker.stop()
        if answer is not None and bool(answer.isfinite().all()):
            valid(answer.float(), tuple(answer.shape))  # said first: whatever else is wrong, these are no images
        return Taken(take(folder.saved, folder.surrogate), answer)


def _collected(run: Run, service: ServiceSide, kept: Taken | None) -> tuple[dict[str, TestEvidence], Ownership | None]:
    """Take evidence of the victim and of the surrogate, built anew from what was kept; the oracle is shut for good.

    Then the defense says whether the surrogate learned from its answers, where it does such a thing.
    """
    setting = run.setting
    service.close(for_evidence=True)
    with ExitStack() as stack:
        copy = None if kept is None else _reloaded(run, stack, kept.answer)
        witnesses = Witnesses(
            plan=setting.plan,
            tests=setting.tests,
            victim=service.unmetered,
            surrogate=copy,
            transfer_set=lambda: transfer_set(setting.folder.ledger),
        )
        with run.stopwatch.stage("evidence"):
            tests = setting.kind.evidence(witnesses, run.journal.progress)
        if setting.plan.defense is None or not setting.plan.defense.claims:
            return tests, None
        with run.stopwatch.stage("ownership"):
            return tests, ownership(setting, run.isolation, run.journal, tests, witnesses)


def _reloaded(run: Run, stack: ExitStack, answer: Tensor | None) -> Copy:
    """Start what was kept; answer: what the attack's own answered to the probe. Raises RunFailed where it differs."""
    order = surrogate_order(run.setting)
    run.journal.progress("building the surrogate anew", 0, 0)
    with run.stopwatch.stage("reload"):
        if run.isolation == "none":
            surrogate: SurrogateSide = LocalSurrogate(order)
        else:
            stack.enter_context(run.setting.folder.put_away())
            where = surrogate_confines(run.setting.folder, order, run.setting.plan.attack.entry)
            surrogate = RemoteSurrogate(order, where, run.journal)
        stack.callback(surrogate.stop)
        surrogate.build()
        x = run.setting.kind.probe(run.setting.dataset.pool().inputs, surrogate.latent_size, run.setting.plan.seed)
        if answer is not None and x is not None and not _alike(surrogate.infer(x), answer):
            raise RunFailed(
                "the surrogate answers otherwise once it is built anew from its class, config and weights; "
                "keep all it learned in parameters, buffers or `config`"
            )
    return Copy(surrogate.infer, surrogate.latent_size)


def _alike(y: Tensor, answer: Tensor) -> bool:
    """Say whether two answers differ by no more than memory and threads make them; NaN and infinity tell nothing."""
    told = answer.float()
    return not bool(told.isfinite().all()) or (y.shape == told.shape and bool(((y - told).abs() <= ALIKE).all()))


def _open(run: Run) -> tuple[ServiceSide, AttackerSide | None]:
    orders = make_orders(run.setting)
    run.journal.progress("opening the service", 0, 0)
    if run.isolation == "none":
        local = LocalService(orders.service)
        return local, None if orders.attacker is None else LocalAttacker(orders.attacker, local, run.journal)
    return _open_apart(run, orders)


def _open_apart(run: Run, orders: Orders) -> tuple[ServiceSide, AttackerSide | None]:
    where, ends = confines(run.setting.folder, orders, private(run.setting)), oracle_ends()
    service = RemoteService(orders.service, where.service, ends.service, run.journal, where.defense)
    attacker: RemoteAttacker | None = None
    if orders.attacker is None:
        ends.attacker.close()
    else:
        attacker = RemoteAttacker(orders.attacker, where.attacker, ends.attacker, service, run.journal)
    try:
        service.wait_ready()
        if attacker is not None:
            attacker.wait_ready()
    except BaseException:
        if attacker is not None:
            attacker.stop()
        service.stop()
        raise
    return service, attacker


def _draw(run: Run, test: TestEvidence) -> None:
    buffer = io.BytesIO()
    run.setting.kind.sheet(test, run.setting.plan).save(buffer, "PNG")
    atomic_write(run.setting.folder.path / "samples.png", buffer.getvalue())


def _record(run: Run, outcome: Outcome, started: str) -> RunRecord:
    plan, journal, tests, given = run.setting.plan, run.journal, outcome.tests, run.setting.defending
    metrics = prepare(plan.metrics, run.setting.catalog) if tests else Prepared({}, {})
    scores, absent = score.score(plan, metrics, tests, run.collector, journal.progress)
    own = {} if outcome.queried is None else {QUERIES: outcome.queried}
    return RunRecord(
        id=plan.id,
        status="failed" if outcome.failure else "ok",
        reason=outcome.failure,
        incidents=tuple(journal.incidents),
        isolation=run.isolation,
        started=started,
        plan=plan,
        scores=scores,
        honest_cost=score.honest_cost(plan, metrics, tests, run.collector, journal.progress),
        queried_cost=score.honest_cost(plan, metrics, own, run.collector, journal.progress),
        absent=absent,
        account=outcome.account,
        nearness=outcome.nearness,
        ownership=outcome.ownership,
        cost_usd=round(outcome.account.answered * plan.task.price, 6),
        bill=outcome.bill,
        seconds=dict(run.stopwatch.seconds),
        defense_delay=outcome.delay,
        peak_memory_bytes=dict(journal.peak_memory),
        surrogate_sha256=outcome.surrogate,
        key_sha256=hashlib.sha256(given.key).hexdigest() if given else None,
        prepared_sha256=given.prepared.passport.sha256 if given and given.prepared else None,
        attack_report=dict(journal.report),
        provenance=_provenance(run.setting),
    )


def _provenance(setting: Setting) -> Provenance:
    plan, machine = setting.plan, setting.hardware
    commit, dirty = provenance.git_state()
    return Provenance(
        package=provenance.own_version(),
        code=plan.code,
        git=commit,
        dirty=dirty,
        python=provenance.python(),
        libraries=provenance.versions(),
        platform=provenance.system(),
        processor=hardware.processor(),
        device=machine.device,
        precision=machine.precision,
        threads=machine.threads,
        victim_weights=plan.victim_weights,
        dataset=datasets.digest(plan.dataset, setting.files),
    )
