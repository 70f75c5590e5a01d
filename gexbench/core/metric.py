"""What a metric sees: two sets of images or of their features, never how they were made."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple, Protocol, runtime_checkable

from torch import Tensor

from gexbench.core.features import Features


@dataclass(frozen=True)
class Evidence:
    """Images of one test split, and the images they are compared with.

    Each (3,H,W) float32 in [0,1], already rounded to 8 bits. For paired metrics `images[i]` belongs to `reference[i]`.
    """

    images: Sequence[Tensor]
    reference: Sequence[Tensor]


class Metric(Protocol):
    """Built with the card's settings and the paths of its assets: `Class(settings, assets)`."""

    def measure(self, evidence: Evidence) -> float:
        """Return one number for the split; sizes that do not match raise ValueError."""
        ...


@runtime_checkable
class PairMetric(Metric, Protocol):
    """A metric that is a mean over pairs, and can say of what."""

    def values(self, evidence: Evidence) -> Iterator[float]:
        """Yield one number a pair, in their order; `measure` is their mean. Raises as `measure`, at the pair."""
        ...


class SetMetric(Protocol):
    """A metric of sets whose images have no partner; built as a `Metric` is, from a card that names `features`."""

    def measure(self, images: Features, *against: Features) -> float:
        """Return one number; sets too small for the metric raise ValueError, saying what they lack.

        against: what its card says: the reference, or nothing, or two sets, the images that were queried and others.
        """
        ...


class Estimate(NamedTuple):
    """A value, and its standard error over the images of the sets; None where the sets are too small for one."""

    value: float
    se: float | None


@runtime_checkable
class SetEstimator(SetMetric, Protocol):
    """A metric of two sets that tells its own standard error, and may make use of partners."""

    def estimate(self, images: Features, reference: Features, partner: Tensor | None) -> Estimate:
        """Return the value and its error; raises as `measure`, which is the value without partners.

        partner: (n,) int64, for each row of `images` the row of `reference` that was made from the same input; None
        where the sets have no pairs.
        """
        ...
