"""A generator together with the discriminator it was trained against."""

from __future__ import annotations

from torch import Tensor, nn


class LatentGAN(nn.Module):
    """Make images as the generator does: (N,latent_size) to (N,3,side,side), float32 RGB in [0,1].

    generator: has an int attribute `latent_size`. discriminator: images in [0,1] to logits (N,1); kept because it may
    leak, and because a training can go on with it.
    """

    def __init__(self, generator: nn.Module, discriminator: nn.Module) -> None:
        super().__init__()
        self.generator, self.discriminator = generator, discriminator
        size = generator.latent_size
        assert isinstance(size, int)
        self.latent_size = size

    def forward(self, z: Tensor) -> Tensor:
        """Return the images; raises ValueError on latents of another length."""
        if z.ndim != 2 or z.shape[1] != self.latent_size:
            raise ValueError(f"latents must be (N,{self.latent_size}), got {tuple(z.shape)}")
        images: Tensor = self.generator(z)
        return images
