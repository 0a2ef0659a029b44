"""What a run's model card says, taken from the run itself.

How the loop uses it, on the main process:

    check_template(template)                                     # of card.py; before data is read
    writer = CardWriter(template, run, domains, test, end)
    card = writer.fill(step)                                     # at every save, after validation
    save_generator(..., folder / "G_B", card=card.text, samples=card.samples)
"""

from __future__ import annotations

import platform
from collections.abc import Sized
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
from sigclean.training.watching import journal
from sigclean.training.watching.history import SAMPLES_FOLDER
from sigclean.training.watching.validation import validate

FOLDERS = ("dataroot", "noisy", "fonts", "documents", "papers", "stamps")
FOLDERS_OR_REPOSITORIES = ("dataset", "weights")
WITHOUT_EFFECT = ("run", "watching", "Hub")  # groups of options, on the weights
ELSEWHERE = ("seed",)  # in the card


@dataclass(frozen=True)
class FilledCard:
    """What `save_generator` writes beside the weights."""

    text: str
    samples: Path | None


@dataclass(frozen=True)
class CardWriter:
    """Fills the card of a run; only the main process needs one.

    Attributes:
        template: the path of model_card.md.
        domains: of the training side.
        test: of the test side, if there is one.
        end: the last step planned.
    """

    template: Path
    run: Run
    domains: Domains
    test: Domains | None
    end: int

    def fill(self, step: int) -> FilledCard:
        """The card after a step, with the latest validation's figures and sample grid.

        Raises DataError if the template cannot be filled.
        """
        samples = newest_samples(self.run.config)
        facts = self._facts(step, samples is not None)
        return FilledCard(fill_card(self.template, facts), samples)

    def _facts(self, step: int, samples: bool) -> CardFacts:
        run, config, accelerator = self.run, self.run.config, self.run.accelerator
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
            noisy=_shown(config, "noisy"),
            clean=_count(self.domains, self.domains.clean),
            pairs=_count(self.domains, self.domains.pairs),
            unpaired=len(self.domains.unpaired),
            options=chosen_options(config),
            step=step,
            end=self.end,
            warmup_steps=min(config.warmup_steps, self.end),
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
        log = journal.read(self.run.config.run_folder / journal.LOG_FILE)
        validations = [record for record in log if "f" in record]
        if not validations or self.test is None:
            return None
        figures = {name: value for name, value in validations[-1].items() if name != "step"}
        pairs = min(len(self.test.pairs), self.run.config.num_validation_images)
        return Measured(validations[-1]["step"], pairs, figures, self._noisy)

    @cached_property
    def _noisy(self) -> dict[str, float]:
        """The figures of a cleaner that leaves everything as it is."""
        assert self.test is not None
        count = self.run.config.num_validation_images
        return validate(nn.Identity(), self.test, count, torch.device("cpu"))


def newest_samples(config: TrainConfig) -> Path | None:
    """The latest grid of the run, if it may be shown."""
    if not config.hub_samples:
        return None
    grids = (config.run_folder / SAMPLES_FOLDER).glob("*.png")
    return max((path for path in grids if path.stem.isdecimal()), default=None)


def chosen_options(config: TrainConfig) -> dict[str, Any]:
    """The options that differ from their defaults and have an effect on the weights.

    Of a place on the disk only the last name is left: paths tell about people and machines.
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
    """An option's value without the way to a folder."""
    value = getattr(config, name)
    is_folder = name in FOLDERS or (name in FOLDERS_OR_REPOSITORIES and not _from_hub(config, name))
    return Path(value).expanduser().resolve().name if is_folder and value else value


def _from_hub(config: TrainConfig, name: str) -> bool:
    """Whether --dataset or --weights is a repository's name rather than a folder."""
    value = getattr(config, name)
    return REPO_ID.fullmatch(value) is not None and not Path(value).exists()


def _count(domains: Domains, pictures: Sized) -> int | None:
    """Of a stream, whose readers hold only the first few: its length, if it knows that."""
    return len(pictures) if domains.stream is None else domains.stream.pictures


def _device(device: torch.device) -> str:
    return torch.cuda.get_device_name(device) if device.type == "cuda" else device.type.upper()


def _versions() -> dict[str, str]:
    from sigclean.version import __version__

    packages = {name: version(name) for name in ("torch", "accelerate")}
    return {"sigclean": __version__, **packages, "Python": platform.python_version()}
