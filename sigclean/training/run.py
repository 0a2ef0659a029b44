"""All that a step of training touches, and what a checkpoint keeps of it."""

from dataclasses import dataclass, field
from typing import Any, Protocol

from accelerate import Accelerator
from torch import nn
from torch.optim import Optimizer
from torch.optim.lr_scheduler import LRScheduler

from sigclean.model_files.config import ModelConfig
from sigclean.training.graphs import GraphedPass
from sigclean.training.losses.cyclegan import LossWeights, Networks
from sigclean.training.losses.image_pool import ImagePool
from sigclean.training.moving_average import MovingAverage
from sigclean.training.schedules import Plateau


class Stateful(Protocol):
    """An object whose state can be saved and restored."""

    def state_dict(self) -> dict[str, Any]:
        """Its state: tensors and plain values."""

    def load_state_dict(self, state: dict[str, Any]) -> Any:
        """Restore the state that `state_dict` gave."""


@dataclass(frozen=True)
class StepOptions:
    """The options of a step of training."""

    batches: int  # accumulated for one step of the optimizers
    weights: LossWeights  # of the generators' losses
    gan_mode: str  # of `gan_loss`
    max_grad_norm: float  # norm that gradients are clipped to; 0 = 1 in the warm-up, none after it
    fixed_norms: bool  # G_B's batch norms keep the warm-up's statistics
    freeze_norms: bool = False  # they keep those that the run began with
    graphs: bool = False  # record the passes as CUDA graphs


@dataclass
class Run:
    """The objects that a step of training changes, and its options.

    Networks are wrapped for the processes; averages are bare copies that no process waits for.
    """

    options: StepOptions
    accelerator: Accelerator
    nets: Networks
    averages: dict[str, MovingAverage]  # moving averages of the generators, `G_A` and `G_B`
    optimizers: dict[str, Optimizer]  # `warmup` (G_B), `G` (generators), `D` (discriminators)
    schedules: dict[str, LRScheduler | Plateau]
    pools: dict[str, ImagePool]  # `fake_A`, `fake_B`
    model_config: dict[str, ModelConfig]  # of both generators, as their weights folders say it
    teacher: nn.Module | None = None  # of an adaptation: its keep maps find the scans' signatures
    graphs: dict[str, GraphedPass] = field(default_factory=dict)  # recordings, by the optimizer

    def bare(self, name: str) -> nn.Module:
        """One of the four networks, unwrapped."""
        return self.accelerator.unwrap_model(getattr(self.nets, name))

    def parts(self) -> dict[str, Stateful]:
        """All that changes while training, by name."""
        found: dict[str, Stateful] = {
            name: self.bare(name) for name in ("G_A", "G_B", "D_A", "D_B")
        }
        for kind in ("averages", "optimizers", "pools"):
            found |= {f"{kind}-{name}": one for name, one in getattr(self, kind).items()}
        for name, one in self.schedules.items():  # neither kind can restore the other's state
            found[f"{'plateaus' if isinstance(one, Plateau) else 'schedules'}-{name}"] = one
        if self.teacher is not None:
            found["teacher"] = self.teacher
        if self.accelerator.scaler is not None:
            found["scaler"] = self.accelerator.scaler
        return found
