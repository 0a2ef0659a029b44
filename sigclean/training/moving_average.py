"""The exponential moving average of a network's weights, which cleans better than the last ones."""

from __future__ import annotations

import copy
from typing import Any

import torch
from torch import Tensor, nn


class MovingAverage:
    """A copy of a network that follows it: Polyak averaging as GAN training uses it.

    After n updates the decay is at most (1 + n) / (10 + n), so that the first weights, which are
    noise, are forgotten at once.

    Args:
        network: the bare network, on its device.
        decay: of the average at each update, in the long run.
    """

    def __init__(self, network: nn.Module, decay: float) -> None:
        self.decay = decay
        self.count = 0  # on the host: to read it from a GPU would wait for the GPU
        self.module = copy.deepcopy(network).eval().requires_grad_(False)
        state = self.module.state_dict(keep_vars=True)
        self._floats = [one for one in state.values() if one.is_floating_point()]
        self._others = [one for one in state.values() if not one.is_floating_point()]

    @torch.no_grad()
    def update(self, network: nn.Module) -> None:
        """Take the bare network's present weights in, and its norms' statistics."""
        state = network.state_dict()
        decay = min(self.decay, (1 + self.count) / (10 + self.count))
        floats = [one for one in state.values() if one.is_floating_point()]
        torch._foreach_lerp_(self._floats, floats, 1 - decay)
        for mine, its in zip(self._others, _not_floats(state), strict=True):
            mine.copy_(its)
        self.count += 1

    def state_dict(self) -> dict[str, Any]:
        """The averaged weights and how many updates they had."""
        return {"count": self.count, "weights": self.module.state_dict()}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Continue where `state_dict` was taken."""
        self.count = int(state["count"])
        self.module.load_state_dict(state["weights"])


def _not_floats(state: dict[str, Tensor]) -> list[Tensor]:
    return [one for one in state.values() if not one.is_floating_point()]
