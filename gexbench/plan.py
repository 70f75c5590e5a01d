"""A run with every choice made, before anything heavy is imported."""

from __future__ import annotations

import hashlib
import json
import operator
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Literal, get_args

from gexbench.cards.adaptive import accepted, check_adaptive, said
from gexbench.cards.catalog import Catalog
from gexbench.cards.fields import Frozen, OptionValue
from gexbench.cards.fit import (
    check_data,
    check_foreign,
    check_match,
    check_owned,
    check_owner,
    check_side,
)
from gexbench.cards.options import effective
from gexbench.cards.prose import at_profile, plain
from gexbench.cards.schema import (
    AttackCard,
    DatasetCard,
    DefenseCard,
    MetricCard,
    Option,
    ProfileCard,
    TaskCard,
    TaskProfile,
    VictimCard,
)
from gexbench.errors import PlanError, nearest

Isolation = Literal["auto", "none"]
LARGEST_SEED = 2**31 - 1
USUAL = "mini"
"""The profile of who names none."""
RUNS = Path("runs")
"""Where run folders go unless somebody says otherwise."""


@dataclass(frozen=True)
class Request:
    """What a user asked for; None means the card's choice, and a profile "" the usual one (see settled).

    trust: whether a reader of images that is somebody's own may run, beside the truth.
    """

    task: str
    attack: str
    defense: str | None = None
    profile: str = USUAL
    budget: str | None = None
    seed: int = 0
    settings: tuple[str, ...] = ()
    defense_settings: tuple[str, ...] = ()
    isolation: Isolation = "auto"
    device: str = "auto"
    deadline: float | None = None
    folders: tuple[Path, ...] = field(default=())
    victim: str | None = None
    dataset: str | None = None
    trust: bool = False


class Plan(Frozen):
    """One run: all cards inlined, all options typed. Its id is a hash of everything here that affects the numbers.

    twin: the victim's, where the attack is a control that is granted it.
    """

    task: TaskCard
    profile: ProfileCard
    victim: VictimCard
    twin: VictimCard | None = None
    dataset: DatasetCard
    attack: AttackCard
    defense: DefenseCard | None
    metrics: tuple[MetricCard, ...]
    options: dict[str, OptionValue]
    defense_options: dict[str, OptionValue]
    budget: int
    seed: int
    isolation: Isolation
    device: str
    deadline: float
    victim_weights: str
    dataset_pins: str
    code: str
    plug_ins: dict[str, str] = {}

    @property
    def id(self) -> str:
        """Return 16 hex digits that change when anything that affects the numbers changes."""
        return _digest(self.substance())

    @property
    def former_id(self) -> str:
        """Return the id by the first rule, which took in prose; for the plan of a record that was read from a file.

        Records of that time carry it. It is taken of the file's own keys, so it stays when cards get more of them.
        """
        return _digest(json.loads(self.model_dump_json(exclude={"isolation", "deadline"}, exclude_unset=True)))

    def substance(self) -> dict[str, Any]:
        """Return everything here that affects the numbers, as plain data: no prose, no other profile of the task."""
        values = {**dict(self), "task": at_profile(self.task, self.profile.name)}
        without = ("isolation", "deadline", *(("twin",) if self.twin is None else ()))
        return {name: plain(value) for name, value in values.items() if name not in without}

    def request(self) -> Request:
        """Return the request that gives this plan where cards, weights, data and code are the same."""
        return Request(
            self.task.name,
            self.attack.name,
            self.defense.name if self.defense else None,
            self.profile.name,
            str(self.budget),
            self.seed,
            settings_of(_chosen(self.attack, self.options, self.profile.name)),
            settings_of(_chosen(self.defense, self.defense_options, self.profile.name)),
            self.isolation,
            self.device,
            self.deadline,
            victim=self.victim.name,
            dataset=self.dataset.name,
        )

    @property
    def scale(self) -> TaskProfile:
        """Return the task's numbers at this profile."""
        return self.task.profile[self.profile.name]

    @property
    def measured(self) -> tuple[str, ...]:
        """Return the names of the metrics that are measured at this profile."""
        return self.task.metrics_at(self.profile.name)

    @property
    def run_name(self) -> str:
        """Return the run folder's name."""
        return self.named(self.id)

    def named(self, plan_id: str) -> str:
        """Return the name of a run's folder: what a person looks for first, then the id that the plan has or had."""
        parts = [self.task.name, self.attack.name, self.defense.name if self.defense else None, self.profile.name]
        words = [part.replace("/", ".") for part in parts if part]
        words += ["unsandboxed"] if self.isolation == "none" else []  # never a folder that a sandboxed run goes on in
        return "-".join([*words, f"b{self.budget}", f"s{self.seed}", plan_id[:8]])


FIRST_WORDS = {("against", "queried"): "bought"}
"""What fields and values were called when ids were first taken; ids are of these words, so records keep theirs."""


def _digest(data: dict[str, Any]) -> str:
    text = json.dumps(data, sort_keys=True)
    if any(f'"{word}"' in text for _, word in FIRST_WORDS):
        text = json.dumps(_in_first_words(data), sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def _in_first_words(data: Any, key: str = "") -> Any:
    if isinstance(data, dict):
        return {name: _in_first_words(value, name) for name, value in data.items()}
    if isinstance(data, list):
        return [_in_first_words(part) for part in data]
    return FIRST_WORDS.get((key, data), data) if isinstance(data, str) else data


def settings_of(options: Mapping[str, Any]) -> tuple[str, ...]:
    """Return options as the texts `key=value` of a request."""
    texts = {key: ",".join(map(str, v)) if isinstance(v, (list, tuple)) else str(v) for key, v in options.items()}
    return tuple(f"{key}={text}" for key, text in texts.items())


def _chosen(
    card: AttackCard | DefenseCard | None, options: Mapping[str, OptionValue], profile: str
) -> dict[str, OptionValue]:
    """Return the options that are not what their card says."""
    usual = effective(card.options, card.profile.get(profile, {}), (), repr(card.name)) if card else {}
    return {key: value for key, value in options.items() if key not in usual or usual[key] != value}


def settled(request: Request, catalog: Catalog, has_data: bool) -> Request:
    """Return a request with the usual profile, mini or the only one, and the data set that stands in, where wanted.

    has_data: whether GEXBENCH_DATA is set. Raises CardError for an unknown task.
    """
    task = catalog.get(TaskCard, request.task)
    profile = request.profile or (USUAL if USUAL in task.profile else next(iter(task.profile), USUAL))
    scale = task.profile.get(profile)
    dataset = scale.otherwise if scale and not has_data and request.dataset is None else request.dataset
    return replace(request, profile=profile, dataset=dataset)


def resolve(request: Request, catalog: Catalog, identity: Identity) -> Plan:
    """Make every choice of a run.

    Raises CardError for an unknown name, and PlanError for what the cards do not allow.
    """
    task = catalog.get(TaskCard, request.task)
    scale = task.profile.get(request.profile)
    if scale is None:
        raise PlanError(
            f"task {task.name!r} has no profile {request.profile!r}", nearest(request.profile, task.profile)
        )
    attack = catalog.get(AttackCard, request.attack)
    defense = catalog.get(DefenseCard, request.defense) if request.defense else None
    victim = catalog.get(VictimCard, request.victim or scale.victim)
    dataset = catalog.get(DatasetCard, request.dataset or scale.dataset)
    check_match(task, attack, defense, victim)
    check_foreign(attack, defense, victim)
    check_data(dataset, catalog.get(DatasetCard, scale.dataset), scale)
    home = catalog.get(VictimCard, scale.victim).dataset if dataset.name == scale.dataset else dataset.name
    check_owned(task, attack, defense, dataset, victim)
    if victim.dataset not in (None, home):
        check_owner(victim, catalog.get(DatasetCard, victim.dataset), dataset)
    check_side(victim, scale)
    measured = task.metrics_at(request.profile)
    options = said(attack, _options(attack, request.profile, request.settings, f"attack {attack.name!r}"))
    budget = _budget(request.budget, scale)
    check_adaptive(task, attack, options, budget)
    return Plan(
        task=task,
        profile=catalog.get(ProfileCard, request.profile),
        victim=victim,
        twin=_twin(victim, catalog) if "twin" in attack.needs else None,
        dataset=dataset,
        attack=attack,
        defense=defense,
        metrics=tuple(catalog.get(MetricCard, name) for name in dict.fromkeys([*measured, *task.costs])),
        options=options,
        defense_options=_options(defense, request.profile, request.defense_settings, f"defense {request.defense!r}"),
        budget=budget,
        seed=_seed(request.seed),
        isolation=_isolation(request.isolation),
        device=request.device,
        deadline=_deadline(request.deadline, scale.deadline),
        victim_weights=identity.victim_weights,
        dataset_pins=identity.dataset_pins,
        code=identity.code,
        plug_ins=dict(identity.plug_ins),
    )


@dataclass(frozen=True)
class Identity:
    """Hashes that only the files on this machine can tell: victim weights, data-set list, code that computes.

    plug_ins: hashes of foreign code by role: "attack", "defense", "victim", or "dataset", a reader that was trusted.
    """

    victim_weights: str
    dataset_pins: str
    code: str
    plug_ins: Mapping[str, str] = field(default_factory=dict)


def _options(
    card: AttackCard | DefenseCard | None, profile: str, given: tuple[str, ...], owner: str
) -> dict[str, OptionValue]:
    if card is None:
        if given:
            raise PlanError(f"options for a defense ({given[0]!r}) but no defense", "name one with --defense")
        return {}
    return effective(_taken(card), card.profile.get(profile, {}), given, owner)


def option_names(card: AttackCard | DefenseCard) -> tuple[str, ...]:
    """Return the names of the options that may be set."""
    return tuple(_taken(card))


def _taken(card: AttackCard | DefenseCard) -> dict[str, Option]:
    """Return all options that may be set: the card's, and those that every attack takes."""
    return {**card.options, **(accepted(card) if isinstance(card, AttackCard) else {})}


def check_plan(plan: Plan) -> None:
    """Raise PlanError where a plan's own cards do not allow its choices: what `resolve` would have refused."""
    check_match(plan.task, plan.attack, plan.defense, plan.victim)
    check_foreign(plan.attack, plan.defense, plan.victim)
    if plan.profile.name in plan.task.profile:
        check_side(plan.victim, plan.scale)
    for card, values in ((plan.attack, plan.options), (plan.defense, plan.defense_options)):
        if card and (missing := card.options.keys() - values.keys()):
            raise PlanError(f"the plan lacks the option {min(missing)!r}", "run it again")
        whole = effective(_taken(card) if card else {}, values, (), repr(card.name) if card else "no defense")
        for key, value in values.items():
            if whole[key] != value:
                raise PlanError(f"option {key!r} is {value!r} in the plan, for {whole[key]!r}", "run it again")
    check_adaptive(plan.task, plan.attack, plan.options, plan.budget)


def _twin(victim: VictimCard, catalog: Catalog) -> VictimCard:
    for filed in catalog.all(VictimCard).values():
        if filed.card.twin_of == victim.name and filed.card.weights is not None:
            return filed.card
    raise PlanError(f"victim {victim.name!r} has no twin", "name a victim that has one, see `gexbench victim list`")


def _budget(text: str | None, scale: TaskProfile) -> int:
    whole, top = scale.ranked_budget, scale.budgets[-1]
    if text is None:
        return whole
    try:
        value = round(float(text[:-1]) / 100 * whole) if text.endswith("%") else int(text)
    except (ValueError, OverflowError):
        raise PlanError(
            f"--budget {text!r} is neither a number of images nor a percentage", f"for example {whole} or 50%"
        ) from None
    if not 1 <= value <= top:
        raise PlanError(
            f"--budget {text} is {value} images; the task allows 1 to {top}",
            f"its budgets: {', '.join(map(str, scale.budgets))}",
        )
    return value


def _seed(given: int) -> int:
    try:
        seed = operator.index(given)
    except TypeError:
        raise PlanError(f"--seed {given!r} is not a whole number", "seeds 0 to 4 are the usual ones") from None
    if not 0 <= seed <= LARGEST_SEED:
        raise PlanError(f"--seed {seed} is not in 0 … {LARGEST_SEED}", "seeds 0 to 4 are the usual ones")
    return seed


def _isolation(given: Isolation) -> Isolation:
    if given not in get_args(Isolation):
        raise PlanError(f"--isolation {given!r} is unknown", nearest(str(given), get_args(Isolation)))
    return given


def _deadline(given: float | None, card: float) -> float:
    if given is None:
        return card
    if not 0 < given < float("inf"):
        raise PlanError(f"--deadline {given} is not a positive number of seconds", f"the task's own is {card:g}")
    return given
