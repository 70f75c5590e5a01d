"""The same metrics by the libraries that the field trusts: scikit-image, lpips and clean-fid."""

from __future__ import annotations

import importlib.metadata
import math
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from numpy.typing import NDArray
from safetensors.torch import load_file
from torch import Tensor

from gexbench.cards.catalog import Catalog
from gexbench.cards.schema import AssetCard, ExtractorCard, MetricCard
from gexbench.comparison import ReferenceComparison, ReferenceScore
from gexbench.core.attack import Progress
from gexbench.core.images import from_uint8
from gexbench.core.pairing import partners
from gexbench.engine.kinds.evidence import TestEvidence
from gexbench.engine.machine import hardware
from gexbench.engine.scoring.compare import Setup, compare
from gexbench.engine.scoring.features.images import ImageSet
from gexbench.engine.scoring.measure import CannotMeasure, Pair
from gexbench.engine.scoring.score import compared
from gexbench.engine.store.assets import AssetStore
from gexbench.record import LibraryScore, RunRecord, less

if TYPE_CHECKING:
    from gexbench.engine.scoring.clean_fid import Network

Distance = Callable[[Tensor, Tensor], float]
"""Of two images, each (3,H,W) uint8."""
_CLEAN = {"resize": "clean", "precision": "float32"}


@dataclass(frozen=True)
class Told:
    """What a library makes of a metric: its value, the library's name on PyPI and its version."""

    value: float
    library: str
    version: str


class NoReference(CannotMeasure):
    """No library that is here computes a metric."""


class Libraries:
    """Metrics by other libraries; networks and rows of features are kept between calls.

    device: as in `hardware.choose`, for features; all else is on the CPU. Files are decoded as for our own metrics, and
    all that follows is the library's.
    """

    def __init__(self, catalog: Catalog, device: str) -> None:
        self._catalog, self._store = catalog, AssetStore()
        self._device = torch.device(hardware.choose(device, autocast=False).device)
        self._network: Network | None = None
        self._rows: dict[ImageSet, NDArray[np.float64]] = {}
        self._distances: dict[str, Distance] = {}

    def measure(self, card: MetricCard, pair: Pair, progress: Progress) -> Told:
        """Return a library's value of a metric for images that ours is defined for.

        Raises NoReference where there is no such library, AssetMissing where the weights are not here.
        """
        if card.features is not None:
            return _told("clean-fid", self._fid(card, card.features, pair, progress))
        library, build = self._of_pairs(card)
        if card.name not in self._distances:
            self._distances[card.name] = build()
        return _told(library, _mean(self._distances[card.name], pair, f"{card.name} by {library}", progress))

    def _of_pairs(self, card: MetricCard) -> tuple[str, Callable[[], Distance]]:
        known: dict[str, tuple[str, Callable[[], Distance]]] = {
            "gexbench.metrics.pixel:Psnr": ("scikit-image", lambda: _skimage(_psnr, card.settings)),
            "gexbench.metrics.pixel:Ssim": ("scikit-image", lambda: _skimage(_ssim, card.settings)),
            "gexbench.metrics.lpips:Lpips": ("lpips", lambda: _cropped(self._lpips(card.assets[0]), card.settings)),
        }
        if card.entry not in known:
            raise NoReference(f"no reference library for {card.name}")
        return known[card.entry]

    def _fid(self, card: MetricCard, features: str, pair: Pair, progress: Progress) -> float:
        extractor = self._catalog.get(ExtractorCard, features)
        inception = extractor.entry == "gexbench.extractors.inception:InceptionFeatures"
        if card.entry != "gexbench.metrics.frechet:Frechet" or not inception or extractor.settings != _CLEAN:
            raise NoReference(f"no reference library for {card.name}")
        from gexbench.engine.scoring.clean_fid import Network, distance, rows

        if self._network is None:
            self._network = Network(self._weights(extractor.assets[0])).to(self._device)
        for images in (pair.images, pair.reference):
            if images not in self._rows:
                self._rows[images] = rows(images, self._network, self._device, progress)
        progress("a matrix root by SciPy", 0, 0)
        return distance(self._rows[pair.images], self._rows[pair.reference])

    def _lpips(self, asset: str) -> Distance:
        """Return the package's distance: its heads are its own, its trunk's weights are those of the asset."""
        import lpips

        weights = self._weights(asset)
        with warnings.catch_warnings(), torch.random.fork_rng(devices=[]):
            warnings.simplefilter("ignore")  # torchvision would rather have other arguments from it
            package = lpips.LPIPS(net=asset.removeprefix("lpips-"), pnet_rand=True, verbose=False)
        trunk = {key: weights[f"features.{key.split('.', 1)[1]}"] for key in package.net.state_dict()}
        package.net.load_state_dict(trunk, strict=True)

        def distance(a: Tensor, b: Tensor) -> float:
            with torch.inference_mode():
                return float(package(from_uint8(a)[None], from_uint8(b)[None], normalize=True))

        return distance

    def _weights(self, asset: str) -> dict[str, Tensor]:
        loaded: dict[str, Tensor] = load_file(self._store.path(self._catalog.get(AssetCard, asset)))
        return loaded


def compare_with_libraries(
    images: ImageSet, reference: ImageSet, names: Sequence[str], setup: Setup, progress: Progress
) -> ReferenceComparison:
    """Measure metrics between two sets as `compare` does, and those that are named by other libraries, too.

    Where there is no such library the metric is absent, too. Raises as `compare`.
    """
    found = compare(images, reference, names, setup, progress)
    libraries, beside, absent = Libraries(setup.catalog, setup.device), [], dict(found.absent)
    for ours in (score for score in found.scores if score.metric in names):
        card = setup.catalog.get(MetricCard, ours.metric)
        order = partners(images.names, reference.names, setup.strip).order if card.paired else None
        try:
            told = libraries.measure(card, Pair(images, reference, order), progress)
        except NoReference as error:
            absent[card.name] = str(error)
            continue
        beside.append(
            ReferenceScore(
                metric=card.name,
                ours=ours.value,
                reference=told.value,
                difference=less(ours.value, told.value),
                library=told.library,
                version=told.version,
            )
        )
    return ReferenceComparison(**{**dict(found), "absent": absent}, references=tuple(beside))


def of_evidence(
    record: RunRecord, tests: Mapping[str, TestEvidence], libraries: Libraries, progress: Progress
) -> tuple[tuple[LibraryScore, ...], dict[str, str]]:
    """Measure by other libraries what a record scored, on the evidence of that run or of one that repeats it.

    Also returns why metrics are absent, by name.
    """
    found: list[LibraryScore] = []
    absent: dict[str, str] = {}
    cards = {card.name: card for card in record.plan.metrics}
    for test, evidence in tests.items():
        for side, pair in compared(record.plan.task, evidence):
            for name in (s.metric for s in record.scores if (s.test, s.compare) == (test, side)):
                try:
                    told = libraries.measure(cards[name], pair, progress)
                except NoReference as error:
                    absent[name] = str(error)
                    continue
                found.append(
                    LibraryScore(
                        metric=name,
                        compare=side,
                        test=test,
                        value=told.value,
                        library=told.library,
                        version=told.version,
                    )
                )
    return tuple(found), absent


def _told(library: str, value: float) -> Told:
    return Told(value, library, importlib.metadata.version(library))


def _mean(distance: Distance, pair: Pair, what: str, progress: Progress) -> float:
    values = []
    for a, b in _pairs(pair):
        values.append(distance(a, b))
        progress(what, len(values), len(pair.images.names))
    return math.fsum(values) / len(values)


def _pairs(pair: Pair) -> Iterator[tuple[Tensor, Tensor]]:
    for index in range(len(pair.images.names)):
        place = index if pair.order is None else pair.order[index]
        partner = pair.reference.decode(pair.reference.content(place), place)
        yield pair.images.decode(pair.images.content(index), index), partner


def _cropped(distance: Distance, settings: Mapping[str, Any]) -> Distance:
    cut = int(settings.get("crop", 0))

    def inner(image: Tensor) -> Tensor:
        return image[:, cut : image.shape[1] - cut, cut : image.shape[2] - cut]

    return lambda a, b: distance(inner(a), inner(b))


def _skimage(measure: Callable[[NDArray[Any], NDArray[Any]], float], settings: Mapping[str, Any]) -> Distance:
    """Return a measure of arrays in [0,255] as a distance of images, of their luma where the settings say so."""
    from skimage.color import rgb2ycbcr

    def array(image: Tensor) -> NDArray[Any]:
        pixels = image.permute(1, 2, 0).numpy()
        return rgb2ycbcr(pixels)[..., :1] if settings.get("space") == "luma-bt601" else pixels

    return _cropped(lambda a, b: measure(array(a), array(b)), settings)


def _psnr(a: NDArray[Any], b: NDArray[Any]) -> float:
    from skimage.metrics import peak_signal_noise_ratio

    with np.errstate(divide="ignore"):  # of equal images it is infinite
        return float(peak_signal_noise_ratio(b, a, data_range=255.0))


def _ssim(a: NDArray[Any], b: NDArray[Any]) -> float:
    from skimage.metrics import structural_similarity

    window = {"gaussian_weights": True, "sigma": 1.5, "use_sample_covariance": False}
    return float(structural_similarity(a, b, data_range=255.0, channel_axis=-1, **window))
