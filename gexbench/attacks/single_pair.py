"""Copy an image translation from one answer."""

from __future__ import annotations

from torch import Tensor, nn

from gexbench.core.attack import Brief
from gexbench.core.images import to_uint8
from gexbench.core.oracle import Oracle, ask
from gexbench.nets.initialise import seeded
from gexbench.nets.patch_net import PatchNet
from gexbench.training.loop import TrainingContext, derived_seed, finished
from gexbench.training.patches import Pairs
from gexbench.training.super_resolution import PixelPlan, fit_pixels
from gexbench.training.transfer_set import chosen

CANDIDATES = 32


class SinglePair:
    """Ask about one image full of contrast, then fit a net that sees little at a time to patches of that pair.

    An image holds thousands of patches, so one pair is many examples of what is done to a patch. Source:
    Spingarn-Eliezer and Michaeli 2024, "Imitating the Functionality of Image-to-Image Models Using a Single Example"
    (arXiv 2406.00828). The net and the choice of the question are ours.
    """

    def __init__(self) -> None:
        self.report: dict[str, int | float] = {}

    def extract(self, oracle: Oracle, brief: Brief) -> nn.Module:
        """Ask one question and leave the rest of the budget unspent.

        options: layers, channels (see PatchNet); steps, batch, patch, lr, augment (see PixelPlan). Leaves in `report`
        the question's index in the pool, its pixels' standard deviation, and how many pixels the net sees.
        """
        options = brief.options
        net = seeded(lambda: PatchNet(options["layers"], options["channels"]), derived_seed(brief.seed, "weights"))
        index = busiest(brief)
        question = brief.pool[index]
        pair = Pairs([to_uint8(question)], [to_uint8(ask(oracle, [question])[0])], brief.scale)
        fit_pixels(net, pair, _plan(brief), TrainingContext.of(brief))
        self.report = {"question": index, "deviation": _deviation(question), "receptive_field": net.receptive_field}
        return finished(net)


def busiest(brief: Brief) -> int:
    """Return the index of the image with the highest standard deviation of pixels, among 32 random ones of the pool."""
    return max(chosen(brief, CANDIDATES), key=lambda index: _deviation(brief.pool[index]))


def _deviation(image: Tensor) -> float:
    return float(image.double().std())


def _plan(brief: Brief) -> PixelPlan:
    numbers = {key: brief.options[key] for key in ("steps", "batch", "patch", "lr")}
    return PixelPlan(**numbers, loss="mse", augment=tuple(brief.options["augment"]))
