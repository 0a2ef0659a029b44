"""The exponential moving average of a network's weights, which clean better than the last."""

import copy
from typing import Any

import torch
from torch import nn


class MovingAverage:
    """A copy of a network whose weights are the exponential moving average of the network's own.

    After n updates the decay is at most (1 + n) / (10 + n), so that the first weights, which are
    noise, are soon forgotten.

    Args:
        network: the bare network, on its device.
        decay: share of the average that each update keeps, in the long run.
    """

    def __init__(self, network: nn.Module, decay: float) -> None:
        self.decay = decay
        self.count = 0  # updates; on the host, since reading it from a GPU would wait for the GPU
        self.module = copy.deepcopy(network).eval().requires_grad_(False)
        state = self.module.state_dict(keep_vars=True)
        self._floats = [one for one in state.values() if one.is_floating_point()]
        self._others = [one for one in state.values() if not one.is_floating_point()]

    @torch.no_grad()
    def update(self, network: nn.Module) -> None:
        """Blend in the bare network's present weights and the statistics of its norms."""
        state = network.state_dict()
        decay = min(self.decay, (1 + self.count) / (10 + self.count))
        floats = [one for one in state.values() if one.is_floating_point()]
        torch._foreach_lerp_(self._floats, floats, 1 - decay)
        others = [one for one in state.values() if not one.is_floating_point()]
        for mine, its in zip(self._others, others, strict=True):
            mine.copy_(its)
        self.count += 1

    def state_dict(self) -> dict[str, Any]:
        """The averaged weights and how many updates they had."""
        return {"count": self.count, "weights": self.module.state_dict()}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Restore the state that `state_dict` gave."""
        self.count = int(state["count"])
        self.module.load_state_dict(state["weights"])
