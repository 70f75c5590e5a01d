"""What `gexbench score` finds: any two sets of images, any metrics."""

from __future__ import annotations

from typing import Literal

from gexbench.cards.fields import Frozen, Name
from gexbench.record import Deviation, Floor, Passport


class PairValue(Frozen):
    """One number between two images, by their names."""

    image: str
    reference: str
    value: float


class Measurement(Frozen):
    """One number between two sets of images, outside any run. Counts are of images.

    se: the standard error of the value over the images, None where they are too few for one.
    pairs: of metrics that are means over pairs, what they are the mean of. identical: how many of those pairs are one
    picture; of_others: the mean over the others, None where there is none.
    """

    metric: Name
    value: float
    unit: str
    higher_is_better: bool
    n: int
    n_reference: int
    floor: Floor | None
    se: Deviation | None = None
    passport: Passport
    pairs: tuple[PairValue, ...] = ()
    identical: int = 0
    of_others: float | None = None


class Side(Frozen):
    """What one set of images was found to be.

    taken: images. distinct: different ones among them. shared: those that are on the other side, too; by pixels where
    both were decoded, else by content. left_out: files that were not taken, by ending or by what they are. links: to
    folders that were followed. kinds: of files that were decoded, how many have which container, colours, depth, size
    (width x height), alpha, orientation, profile, and further pictures.
    """

    taken: int
    distinct: int
    shared: int
    left_out: dict[str, int]
    links: tuple[str, ...]
    kinds: dict[str, dict[str, int]]


class Comparison(Frozen):
    """Scores of one set of images against another.

    images, reference: SHA-256 over the sorted hashes of what is in each set, the same under any file names. absent: why
    a metric could not be measured. sides: what "images" and "reference" were found to be; notes: what of it a reader of
    the numbers should know.
    """

    schema_version: Literal[1] = 1
    scores: tuple[Measurement, ...]
    absent: dict[str, str]
    notes: tuple[str, ...] = ()
    sides: dict[str, Side] = {}
    images: str
    reference: str
    package: str
    libraries: dict[str, str]
    processor: str
    device: str


class ReferenceScore(Frozen):
    """One of our numbers beside the same by another library; difference: ours less the library's."""

    metric: Name
    ours: float
    reference: float
    difference: float
    library: str
    version: str


class ReferenceComparison(Comparison):
    """A comparison, and beside it what other libraries make of the same images."""

    references: tuple[ReferenceScore, ...]
