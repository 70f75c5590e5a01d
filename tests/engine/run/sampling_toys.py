"""A folder of cards and attacks around services that draw, small enough to run in seconds: text by file name."""

from __future__ import annotations

CARDS = {
    "datasets/figures.toml": """
name = "toy/figures"
summary = "A few figures."
reader = "gexbench.datasets.drawn:DrawnImages"
licence = "Apache-2.0"
pinned = false
settings = { side = 32 }
splits.owner = { within = "code", files = ["owner/{00..79}"] }
splits.test.figures = { within = "code", files = ["test/{00..99}"] }
""",
    "victims/sngan.toml": """
name = "toy/sngan"
summary = "An SNGAN hardly trained."
task_kind = "sampling"
entry = "gexbench.victims.sngan:SNGAN"
dataset = "toy/figures"
net = { side = 32, channels = 4, latent_size = 8, discriminator_channels = 4 }
train = { steps = 2, batch = 4, critics = 1, lr = 1e-3, average = 0.5 }
""",
    "tasks/drawing.toml": """
name = "toy/drawing"
kind = "sampling"
summary = "Copy a service that draws."
price = 0.01
knowledge = ["outputs", "latents", "partial-real", "discriminator"]
metrics = ["fid", "memorisation"]
main = { metric = "fid", compare = "B" }

[profile.mini]
victim = "toy/sngan"
dataset = "toy/figures"
budgets = [8, 16]
deadline = 300
side = 32
samples = 70
extra_metrics = ["figure-share", "figure-kinds"]
""",
    "tasks/selling.toml": """
name = "toy/selling"
kind = "sampling"
summary = "Copy a service that draws, and keep nothing of what it was asked for."
price = 0.01
metrics = ["memorisation"]
main = { metric = "memorisation", compare = "B" }

[profile.mini]
victim = "toy/sngan"
dataset = "toy/figures"
budgets = [150]
deadline = 300
side = 32
samples = 100
""",
    "attacks/replayer.toml": """
name = "toy/replayer"
summary = "Returns what it queried."
task_kinds = ["sampling"]
entry = "drawing:Replayer"
""",
    "defenses/negative.toml": """
name = "toy/negative"
summary = "Sells negatives."
task_kinds = ["sampling"]
entry = "drawing:Negative"
""",
    "defenses/claimant.toml": """
name = "toy/claimant"
summary = "Sells negatives, and knows who draws such."
task_kinds = ["sampling"]
entry = "drawing:Claimant"
claims = true
""",
    "datasets/moved.toml": """
name = "toy/moved"
summary = "Figures, and a few in chalk."
reader = "gexbench.datasets.drawn:DrawnImages"
licence = "Apache-2.0"
pinned = false
settings = { domain = "figures-to-chalk", side = 32 }
splits.owner = { within = "code", files = ["owner/{0..9}"] }
splits.pool = { within = "code", files = ["pool/{0..9}"] }
splits.test.figures = { within = "code", files = ["test/{0..7}"] }
""",
    "victims/style.toml": """
name = "toy/style"
summary = "A StyleGAN2 hardly trained."
task_kind = "sampling"
entry = "gexbench.victims.stylegan2:StyleGAN2"
dataset = "toy/moved"
net = { side = 32, latent_size = 8, mapping_layers = 2, channel_base = 64, channel_max = 8 }
train = { steps = 2, batch = 4, critics = 1, lr = 1e-3, average = 0.5, r1 = 1.0 }
""",
    "tasks/moving.toml": """
name = "toy/moving"
kind = "sampling"
summary = "Carry a service that draws into a new domain."
price = 0.01
metrics = ["fid"]
main = { metric = "fid", compare = "C" }

[profile.mini]
victim = "toy/style"
dataset = "toy/moved"
budgets = [8]
deadline = 300
side = 32
samples = 8
""",
    "datasets/few.toml": """
name = "toy/few"
summary = "Figures, of which an attacker owns seven."
reader = "gexbench.datasets.drawn:DrawnImages"
licence = "Apache-2.0"
pinned = false
settings = { side = 32 }
splits.owner = { within = "code", files = ["owner/{00..69}"] }
splits.test.figures = { within = "code", files = ["test/{0..7}"] }
""",
    "tasks/poor.toml": """
name = "toy/poor"
kind = "sampling"
summary = "Copy a service that draws, with hardly any real images."
price = 0.01
knowledge = ["outputs", "partial-real", "discriminator"]
metrics = ["fid"]
main = { metric = "fid", compare = "C" }

[profile.mini]
victim = "toy/sngan"
dataset = "toy/few"
budgets = [16]
deadline = 300
side = 32
samples = 8
""",
    "tasks/greedy.toml": """
name = "toy/greedy"
kind = "sampling"
summary = "Copy a service that draws, scored on more images than are held back."
price = 0.01
metrics = ["fid"]
main = { metric = "fid", compare = "C" }

[profile.mini]
victim = "toy/sngan"
dataset = "toy/few"
budgets = [16]
deadline = 300
side = 32
samples = 9
""",
    "attacks/fussy.toml": """
name = "toy/fussy"
summary = "Buys one image and returns a module that takes other latents than it says."
task_kinds = ["sampling"]
entry = "drawing:Fussy"
""",
    "attacks/knowing.toml": """
name = "toy/knowing"
summary = "Says what it was told."
task_kinds = ["sampling"]
entry = "drawing:Knowing"
needs = ["latents", "partial-real"]
""",
    "attacks/dumb.toml": """
name = "toy/dumb"
summary = "Returns a module that does not say what latents it takes."
task_kinds = ["sampling"]
entry = "drawing:Dumb"
""",
    "attacks/thief.toml": """
name = "toy/thief"
summary = "Was handed the discriminator."
task_kinds = ["sampling"]
entry = "drawing:Thief"
needs = ["discriminator"]
""",
    "attacks/curious.toml": """
name = "toy/curious"
summary = "Wants what no task of sampling grants to attacks."
task_kinds = ["sampling"]
entry = "drawing:Dumb"
needs = ["truth"]
""",
    "drawing.py": """
import torch
from gexbench.core.defense import Claim, Defense
from torch import nn


class Negative(Defense):
    def guard_output(self, x, y, history):
        return 1 - y


class Claimant(Negative):
    def claim(self, outputs, trial):
        ours, plain = (sum(float(y.mean()) for y in images) / len(images) for images in (outputs, trial.plain))
        return Claim(abs(ours - plain), p=1e-9 if abs(ours - (1 - plain)) < abs(ours - plain) else 0.5)


class Replayed(nn.Module):
    latent_size = 1

    def __init__(self, count):
        super().__init__()
        self.config = {"count": count}
        self.register_buffer("images", torch.zeros(count, 3, 32, 32))

    def forward(self, z):
        places = (torch.special.ndtr(z[:, 0]) * len(self.images)).long()
        return self.images[places.clamp(0, len(self.images) - 1)]


class Replayer:
    def extract(self, oracle, brief):
        net = Replayed(oracle.budget)
        net.images.copy_(oracle.sample(oracle.budget).images)
        return net


class Grey(nn.Module):
    latent_size = 1

    def forward(self, z):
        return z.sigmoid()[:, :, None, None].expand(-1, 3, 32, 32)


class Knowing:
    def extract(self, oracle, brief):
        drawn = oracle.sample(3)
        self.report = {"latents": str(tuple(drawn.latents.shape)), "real": len(brief.real), "pool": len(brief.pool)}
        return Grey()


class Thief:
    def extract(self, oracle, brief):
        logits = brief.discriminator(oracle.sample(4).images)
        self.report = {"logits": str(tuple(logits.shape)), "real": str(brief.real)}
        return Grey()


class Narrow(nn.Linear):
    latent_size = 4

    def __init__(self):
        super().__init__(5, 3)


class Fussy:
    def extract(self, oracle, brief):
        oracle.sample(1)
        return Narrow()


class Dumb:
    def extract(self, oracle, brief):
        return nn.Identity()
""",
}
