"""A defense held to its contract, so that one that breaks it ends the run with a reason."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from torch import Tensor, nn

from gexbench.core.defense import Defense, History
from gexbench.errors import RunFailed


class Guard(Defense):
    """A defense under its card's name; raises RunFailed where it raises, or returns something else than images."""

    def __init__(self, name: str, defense: Defense) -> None:
        super().__init__({})
        self._name, self._defense = name, defense

    def harden(self, victim: nn.Module, owner: Sequence[Tensor]) -> nn.Module:
        """Return the victim to deploy."""
        return self._defense.harden(victim, owner)

    def guard_input(self, x: Tensor, history: History) -> Tensor:
        """Return what is fed to the victim; shapes and range as in Defense.guard_input."""
        return self._held("guard_input", lambda: self._defense.guard_input(x, history), x)

    def guard_output(self, x: Tensor, y: Tensor, history: History) -> Tensor:
        """Return what leaves; shapes and range as in Defense.guard_output."""
        return self._held("guard_output", lambda: self._defense.guard_output(x, y, history), y)

    def _held(self, moment: str, call: Callable[[], Tensor], like: Tensor) -> Tensor:
        try:
            got = call()
        except Exception as error:
            reason = f"{type(error).__name__}: {error}"
            raise RunFailed(f"{moment} of the defense {self._name!r} raised {reason}") from error
        wrong = fault(got, like)
        if wrong:
            raise RunFailed(f"{moment} of the defense {self._name!r} returned {wrong}")
        return got


def fault(got: object, like: Tensor) -> str:
    """Say what was returned and what is expected in place of `like`, float images in [0,1]; "" when that is kept."""
    if not isinstance(got, Tensor):
        return f"{type(got).__name__}, not a tensor"
    if got.shape != like.shape or not got.is_floating_point():
        return f"{got.dtype} {tuple(got.shape)}, not floats of {tuple(like.shape)}"
    low, high = float(got.amin()), float(got.amax())
    return "" if low >= 0 and high <= 1 else f"values from {low:.8g} to {high:.8g}, outside [0,1]"
