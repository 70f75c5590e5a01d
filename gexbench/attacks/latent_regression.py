"""Copy a service that draws images and tells what from: distil its generator directly."""

from __future__ import annotations

from torch import nn

from gexbench.core.attack import Brief
from gexbench.core.oracle import Oracle
from gexbench.errors import PlanError
from gexbench.nets.initialise import seeded
from gexbench.nets.sngan import SNGANGenerator, SNGANOptions
from gexbench.training.loop import TrainingContext, derived_seed
from gexbench.training.regression import RegressionOptions, fit_regression
from gexbench.training.transfer_set import sampled


class LatentRegression:
    """Query images with their latents, then fit a generator to the pairs with L1 alone.

    Source: a baseline of this benchmark; the network is Miyato et al. 2018 (arXiv 1802.05957).
    """

    def extract(self, oracle: Oracle, brief: Brief) -> nn.Module:
        """Query `oracle.budget` images; options: channels (see SNGANOptions), steps, batch, lr (see RegressionOptions).

        Raises PlanError where the service does not tell its latents.
        """
        images, latents = sampled(oracle)
        if latents is None:
            raise PlanError("the service does not tell its latents", "grant the knowledge latents")
        options = brief.options
        numbers = SNGANOptions(images[0].shape[-1], options["channels"], latents.shape[1])
        net = seeded(lambda: SNGANGenerator(numbers), derived_seed(brief.seed, "generator"))
        plan = RegressionOptions(options["steps"], options["batch"], options["lr"])
        fit_regression(net, latents, images, plan, TrainingContext.of(brief))
        return net
