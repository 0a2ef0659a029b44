"""The facts of a run that its model card states."""

import platform
from collections.abc import Callable, Sized
from dataclasses import dataclass, fields, replace
from functools import cached_property
from importlib.metadata import version
from pathlib import Path
from typing import Any

import torch
from torch import nn

from sigclean.hub.client import REPO_ID
from sigclean.networks.build import complete_arguments
from sigclean.training.card import CardFacts, Measured, fill_card
from sigclean.training.data.domains import Domains
from sigclean.training.options import TrainConfig
from sigclean.training.run import Run
from sigclean.training.schedules import Timetable
from sigclean.training.watching import journal
from sigclean.training.watching.history import SAMPLES_FOLDER
from sigclean.training.watching.validation import validate

FOLDERS = ("dataroot", "adapt", "noisy", "fonts", "documents", "papers", "stamps")
FOLDERS_OR_REPOSITORIES = ("dataset", "weights")
WITHOUT_EFFECT = ("run", "watching", "Hub")  # groups of options that do not change the weights
ELSEWHERE = ("seed",)  # options that another line of the card shows


@dataclass(frozen=True)
class FilledCard:
    """The card and its picture, for `save_generator` to write beside the weights."""

    text: str
    samples: Path | None


@dataclass(frozen=True)
class CardWriter:
    """Fills the card of a run; for the main process."""

    template: Path  # the path of model_card.md
    config: TrainConfig
    run: Run
    domains: Domains  # the training side
    test: Domains | None  # the test side, if there is one
    steps: Timetable  # the planned length of the run
    verdict: Callable[[], str] = str  # on an adaptation, a sentence; "" as long as there is none

    def fill(self, step: int, *, ended: bool) -> FilledCard:
        """The card after a step, with the latest validation's figures and sample grid.

        Args:
            ended: the training is at its end, perhaps by its time limit.

        Raises DataError if the template cannot be filled.
        """
        samples = newest_samples(self.config)
        facts = self._facts(step, ended, samples is not None)
        return FilledCard(fill_card(self.template, facts), samples)

    def _facts(self, step: int, ended: bool, samples: bool) -> CardFacts:
        run, config, accelerator = self.run, self.config, self.run.accelerator
        cleaner, model = run.averages["G_B"].module, run.model_config["G_B"]
        pictures = config.batch_size * config.gradient_accumulation_steps
        return CardFacts(
            name=config.run_folder.resolve().name,
            source=config.hub_model_id or "path/to/G_B",
            model=replace(model, arguments=complete_arguments(model.generator, model.arguments)),
            weight_count=sum(weight.numel() for weight in cleaner.parameters()),
            license=config.hub_license,
            base_model=_shown(config, "weights") if _from_hub(config, "weights") else "",
            dataset=_shown(config, "dataset") or _shown(config, "dataroot"),
            on_hub=_from_hub(config, "dataset"),
            noise=config.noise if self.domains.on_the_fly else "",
            noisy=_shown(config, "noisy") or _shown(config, "adapt"),
            clean=_count(self.domains, self.domains.clean),
            pairs=_count(self.domains, self.domains.pairs),
            unpaired=len(self.domains.unpaired),
            options=chosen_options(config),
            step=step,
            end=self.steps.end,
            ended=ended or step >= self.steps.end,
            warmup_steps=self.steps.warmup,
            adapted=self.verdict(),
            processes=accelerator.num_processes,
            batch=pictures * accelerator.num_processes,
            precision="float32"
            if accelerator.mixed_precision == "no"
            else f"float32 weights, {accelerator.mixed_precision} arithmetic",
            device=_device(accelerator.device),
            seed=config.seed,
            versions=_versions(),
            measured=self._measured(),
            samples=samples,
        )

    def _measured(self) -> Measured | None:
        log = journal.read(self.config.run_folder / journal.LOG_FILE)
        validations = [record for record in log if "f" in record]
        if not validations or self.test is None:
            return None
        figures = {name: value for name, value in validations[-1].items() if name != "step"}
        pairs = min(len(self.test.pairs), self.config.num_validation_images)
        return Measured(validations[-1]["step"], pairs, figures, self._noisy)

    @cached_property
    def _noisy(self) -> dict[str, float]:
        """The figures of a cleaner that leaves everything as it is."""
        assert self.test is not None
        count = self.config.num_validation_images
        return validate(nn.Identity(), self.test, count, torch.device("cpu"))


def newest_samples(config: TrainConfig) -> Path | None:
    """The latest grid of the run, if it may be shown."""
    if not config.hub_samples:
        return None
    grids = (config.run_folder / SAMPLES_FOLDER).glob("*.png")
    return max((path for path in grids if path.stem.isdecimal()), default=None)


def chosen_options(config: TrainConfig) -> dict[str, Any]:
    """The options that differ from their defaults and have an effect on the weights.

    Folders are named without their path, which would tell about people and machines.
    """
    return {
        one.name: _shown(config, one.name)
        for one in fields(config)
        if one.metadata["group"] not in WITHOUT_EFFECT
        and one.name not in ELSEWHERE
        and not one.metadata["secret"]
        and getattr(config, one.name) != one.default
    }


def _shown(config: TrainConfig, name: str) -> Any:
    """An option's value; a folder's name without its path."""
    value = getattr(config, name)
    is_folder = name in FOLDERS or (name in FOLDERS_OR_REPOSITORIES and not _from_hub(config, name))
    return Path(value).expanduser().resolve().name if is_folder and value else value


def _from_hub(config: TrainConfig, name: str) -> bool:
    """True if --dataset or --weights names a repository rather than a folder."""
    value = getattr(config, name)
    return REPO_ID.fullmatch(value) is not None and not Path(value).exists()


def _count(domains: Domains, pictures: Sized) -> int | None:
    """The number of pictures; of a stream its own count, which may be unknown."""
    return len(pictures) if domains.stream is None else domains.stream.pictures


def _device(device: torch.device) -> str:
    return torch.cuda.get_device_name(device) if device.type == "cuda" else device.type.upper()


def _versions() -> dict[str, str]:
    from sigclean.version import __version__

    packages = {name: version(name) for name in ("torch", "accelerate")}
    return {"sigclean": __version__, **packages, "Python": platform.python_version()}
