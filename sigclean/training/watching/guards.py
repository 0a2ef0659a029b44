"""Two ways in which a training is lost, found before its weights are saved: non-finite losses, and
generators that invert brightness."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import NoReturn

import torch
from accelerate import Accelerator
from torch import Tensor, nn

from sigclean.errors import SigcleanError
from sigclean.training.agreement import on_main_process
from sigclean.training.checkpoints import checkpoints
from sigclean.training.watching.tones import inverting

# Adversarial steps before generators are judged by their tones: at 64 pixels, where few patches
# fit, an untrained resnet was seen with a slope of -0.60.
STILL_NOISE = 200

Inputs = Callable[[], Mapping[str, Sequence[Tensor]]]


@dataclass(frozen=True)
class BrokenLoss:
    """The first loss that became NaN or infinite."""

    name: str
    step: int
    process: int


class LossWatch:
    """Remembers the first step at which each loss became NaN or infinite.

    It checks every step on the device, so that nobody waits for a GPU until `broken` asks.
    """

    def __init__(self) -> None:
        self._first: dict[tuple[str, ...], Tensor] = {}  # steps for each stage's losses; 0 = never

    @torch.no_grad()
    def see(self, step: int, losses: dict[str, Tensor]) -> None:
        """Check the losses of a step, which are scalars."""
        values = torch.stack([value.detach().float() for value in losses.values()])
        first = self._first.get(tuple(losses))
        if first is None:
            first = torch.zeros(len(losses), dtype=torch.int64, device=values.device)
        self._first[tuple(losses)] = torch.where((first == 0) & ~values.isfinite(), step, first)

    def broken(self, accelerator: Accelerator) -> BrokenLoss | None:
        """The earliest on any process, or None; all processes ask at the same time."""
        found: list[tuple[int, int, str]] = []
        for names, first in self._first.items():
            steps = accelerator.gather(first).view(-1, len(names)).tolist()
            found += [
                (step, process, name)
                for process, row in enumerate(steps)
                for name, step in zip(names, row, strict=True)
                if step
            ]
        if not found:
            return None
        step, process, name = min(found)
        return BrokenLoss(name, step, process)


class Guard:
    """Stops a run that is lost, with a sentence that says how to resume it.

    All processes call its methods at the same steps.

    Args:
        folder: the run's; a message names its last checkpoint.
        warmup: steps of the warm-up.
        inputs: gives real pictures for each generator, uint8 3xHxW, or none at all; it is called
            on the main process.
        learning_rates: of the warm-up and of the adversarial stage.
    """

    def __init__(
        self,
        accelerator: Accelerator,
        folder: Path,
        warmup: int,
        inputs: Inputs,
        learning_rates: tuple[float, float],
    ) -> None:
        self.accelerator, self.folder = accelerator, folder
        self.warmup, self.inputs, self.learning_rates = warmup, inputs, learning_rates
        self._losses = LossWatch()
        self._passed = 0  # last step at which the generators' tones were judged

    def see(self, step: int, losses: dict[str, Tensor]) -> None:
        """Take note of this process's losses at a step."""
        self._losses.see(step, losses)

    def check_losses(self) -> None:
        """Raises SigcleanError if a loss became NaN or infinite on any process."""
        broken = self._losses.broken(self.accelerator)
        if broken is not None:
            on_main_process(self.accelerator, partial(self._stop, self._about(broken)))

    def check_tones(self, step: int, generators: Mapping[str, nn.Module]) -> None:
        """Judge the averaged generators, once a step and not while they are still noise.

        Raises SigcleanError if one of them inverts brightness.
        """
        if step > max(self.warmup + STILL_NOISE, self._passed):
            on_main_process(self.accelerator, partial(self._check_tones, step, generators))
            self._passed = step

    def _check_tones(self, step: int, generators: Mapping[str, nn.Module]) -> None:
        inputs = self.inputs()
        for name, tone in inverting(generators, inputs, self.accelerator.device).items():
            self._stop(
                f"{name} makes bright strokes on dark at step {step} (where its input is lighter, "
                f"its picture is darker: slope {tone.slope:.2f}), which cycle consistency allows "
                "if the other generator inverts them back: train with --lambda_identity 0.5 or "
                "more, with --warmup_steps, or with another --seed"
            )

    def _about(self, broken: BrokenLoss) -> str:
        stage = 0 if broken.step <= self.warmup else 1
        remedy = f"a lower {('--warmup_lr', '--lr')[stage]} than {self.learning_rates[stage]}"
        if self.accelerator.mixed_precision == "fp16":
            remedy += " or --mixed_precision bf16"
        where = f" on process {broken.process}" if self.accelerator.num_processes > 1 else ""
        return (
            f"the loss {broken.name} became NaN or infinite at step {broken.step}{where}: steps "
            f"that are too large let it grow without bound, so train with {remedy}"
        )

    def _stop(self, reason: str) -> NoReturn:
        saved = checkpoints(self.folder)
        how = (
            f"resume from the last good checkpoint, --resume_from_checkpoint {saved[-1]}"
            if saved
            else "begin anew, since there is no checkpoint yet"
        )
        raise SigcleanError(f"{reason}; {how}")
