"""The networks of a run, checked before data are read, and all that trains them."""

from __future__ import annotations

import warnings
from collections.abc import Iterator, Mapping
from copy import deepcopy
from dataclasses import dataclass, replace
from pathlib import Path

import torch
from accelerate import Accelerator
from torch import nn
from torch.optim import Adam, AdamW, Optimizer

from sigclean.errors import SigcleanError
from sigclean.hub.resolve import resolve_weights
from sigclean.letterbox import SIZE
from sigclean.model_files.config import ModelConfig
from sigclean.model_files.names import CONFIG_FILE, DEFAULT_MODEL
from sigclean.model_files.weights_folder import read_folder
from sigclean.networks.build import (
    build_discriminator,
    build_generator,
    check_size,
    complete_arguments,
    init_weights,
)
from sigclean.networks.growing import grow
from sigclean.networks.interface import Generator
from sigclean.networks.layers import freeze_idle_biases
from sigclean.training.accelerator import share_batch_norms
from sigclean.training.data.domains import Domains
from sigclean.training.data.framing import Crop
from sigclean.training.losses.cyclegan import LossWeights, Networks
from sigclean.training.losses.image_pool import ImagePool
from sigclean.training.moving_average import MovingAverage
from sigclean.training.options import TrainConfig
from sigclean.training.run import Run, StepOptions
from sigclean.training.schedules import Timetable, make_schedules


@dataclass(frozen=True)
class Blueprint:
    """The four networks of a run before they take memory."""

    config: TrainConfig
    models: Mapping[str, ModelConfig]  # descriptions of the generators `G_A` and `G_B`
    weights: Path | None  # the folder that G_B starts from; None for new weights
    shapes: Mapping[str, nn.Module]  # on the meta device, to try pictures without arithmetic

    @classmethod
    def draw(cls, config: TrainConfig) -> Blueprint:
        """Resolve --weights, and check networks and --crop_size.

        Raises SigcleanError for networks or weights that do not exist, or that cannot take crops of
        that size.
        """
        weights = None
        if config.weights:
            source = None if config.weights == DEFAULT_MODEL else config.weights
            weights = resolve_weights(source, token=config.hub_token or None)
        models = _describe(config, weights)
        with torch.device("meta"):
            found = cls(config, models, weights, _untrained(config, models))
        crop = Crop.parse(config.crop_size)
        cuts = bool(crop.width) and config.preprocess != "none"
        found._check({"--crop_size": (crop.width, crop.height)} if cuts else {}, SIZE)
        return found

    def check_pictures(self, domains: Domains) -> None:
        """Raises SigcleanError for pictures that the networks cannot take, naming one of them."""
        domains.check_batch(2)  # A and B share batches, and so do new and older pictures of a pool
        self._check({file: shape for shape, file in domains.shapes.items()}, domains.size)

    def _check(self, sides: Mapping[str, tuple[int, int]], size: int) -> None:
        """Try the networks on widths and heights, by what has them, and on the cleaner's square."""
        cleaner = f"--netG {self.config.netG}"
        if self.config.weights:
            cleaner = f"--weights {self.config.weights}"
        for name, (width, height) in sides.items():
            try:
                self.shapes["D_A"](torch.empty(1, 3, height, width, device="meta"))
            except (RuntimeError, ValueError) as error:
                raise SigcleanError(
                    f"{name}: {width}x{height} is too small for the discriminator "
                    f"{self.config.netD}"
                ) from error
            for side in (width, height):
                _check_side(name, self.shapes["G_A"], f"--netG_A {self.config.netG_A}", side)
                _check_side(name, self.shapes["G_B"], cleaner, side)
        _check_side("--size", self.shapes["G_B"], cleaner, size)


def build(blueprint: Blueprint, accelerator: Accelerator, size: int, steps: Timetable) -> Run:
    """Build networks, averages, optimizers, schedules and pools, on the device of this process.

    Args:
        size: pixels, side of the square that the cleaner works at.
    """
    config = blueprint.config
    bare = _first_weights(blueprint)
    teacher = deepcopy(bare["G_B"]).requires_grad_(False) if config.adapt else None
    memory_format = torch.channels_last if config.channels_last else torch.contiguous_format
    for name, module in bare.items():
        freeze_idle_biases(module)
        bare[name] = share_batch_norms(module, accelerator.device, accelerator.num_processes)
        bare[name].to(accelerator.device).to(memory_format=memory_format)
    averages = {name: MovingAverage(bare[name], config.ema_decay) for name in ("G_A", "G_B")}
    if config.compile:
        for module in bare.values():
            module.compile()  # in place: the names of the weights stay
    with warnings.catch_warnings():  # torch 2.13 renames broadcast_buffers; 2.8 knows no other name
        warnings.filterwarnings("ignore", "`broadcast_buffers`", FutureWarning)
        nets = Networks(**{name: accelerator.prepare(module) for name, module in bare.items()})
    optimizers = _optimizers(config, nets)
    return Run(
        _step_options(config, accelerator),
        accelerator,
        nets,
        averages,
        {name: accelerator.prepare(one) for name, one in optimizers.items()},
        make_schedules(config, optimizers, steps),
        {
            name: ImagePool(config.pool_size, seed=config.seed + i, accelerator=accelerator)
            for i, name in enumerate(("fake_A", "fake_B"))
        },
        {name: replace(model, size=size) for name, model in blueprint.models.items()},
        teacher,
    )


def _optimizers(config: TrainConfig, nets: Networks) -> dict[str, Optimizer]:
    """Make AdamW for the warm-up, and the original PyTorch CycleGAN's Adam for what follows."""
    betas = (config.beta1, 0.999)
    return {
        "warmup": AdamW(_trained(nets.G_B), config.warmup_lr, weight_decay=1e-2, fused=True),
        "G": Adam(_trained(nets.G_A, nets.G_B), config.lr, betas, fused=True),
        "D": Adam(_trained(nets.D_A, nets.D_B), config.lr, betas, fused=True),
    }


def _trained(*modules: nn.Module) -> Iterator[nn.Parameter]:
    return (one for module in modules for one in module.parameters() if one.requires_grad)


def _step_options(config: TrainConfig, accelerator: Accelerator) -> StepOptions:
    return StepOptions(
        config.gradient_accumulation_steps,
        LossWeights(config.lambda_A, config.lambda_B, config.lambda_identity, config.lambda_paired),
        config.gan_mode,
        config.max_grad_norm,
        fixed_norms=config.warmup_steps > 0 or config.freeze_norms,
        freeze_norms=config.freeze_norms,
        graphs=can_record(
            config,
            accelerator.device,
            accelerator.num_processes,
            scales=accelerator.scaler is not None,
        ),
    )


def can_record(config: TrainConfig, device: torch.device, processes: int, *, scales: bool) -> bool:
    """Return whether the passes of a step are to be recorded as CUDA graphs, and can be.

    Not those of several processes, which wait for each other; nor those that add up gradients, that
    fp16 scales, or that draw random numbers on the CPU, as `wgangp` does.
    """
    return (
        config.cuda_graphs
        and device.type == "cuda"
        and processes == 1
        and config.gradient_accumulation_steps == 1
        and not scales
        and config.gan_mode != "wgangp"
    )


def _check_side(name: str, generator: nn.Module, option: str, side: int) -> None:
    assert isinstance(generator, Generator)
    try:
        check_size(generator, side)
    except SigcleanError as error:
        raise SigcleanError(f"{name} and {option}: {error}") from error


def _describe(config: TrainConfig, weights: Path | None) -> dict[str, ModelConfig]:
    """Descriptions of both generators, whose size is not known yet."""
    norm = {"norm": config.norm} if config.norm else {}

    def model(name: str, ngf: int) -> ModelConfig:
        taken = complete_arguments(name, {})
        wanted = {"ngf": ngf, "dropout": config.dropout}
        own = {key: value for key, value in wanted.items() if key in taken}
        return ModelConfig(name, own | norm, size=SIZE)

    cleaner = ModelConfig.read(weights / CONFIG_FILE) if weights else model(config.netG, config.ngf)
    if config.grow:
        if cleaner.generator != "eraser":
            raise SigcleanError(f"--grow makes erasers larger, not a {cleaner.generator}")
        cleaner = replace(cleaner, arguments={"norm": cleaner.arguments.get("norm", "batch")})
    return {"G_A": model(config.netG_A, config.ngf_A), "G_B": cleaner}


def _untrained(config: TrainConfig, models: Mapping[str, ModelConfig]) -> dict[str, nn.Module]:
    """The four networks. Raises SigcleanError for names that do not exist."""
    generators = {
        name: build_generator(model.generator, **model.arguments) for name, model in models.items()
    }
    depth = {"n_layers": config.n_layers_D} if config.netD == "n_layers" else {}
    norm = {"norm": config.norm} if config.norm else {}
    return generators | {
        name: build_discriminator(config.netD, ndf=config.ndf, **depth, **norm)
        for name in ("D_A", "D_B")
    }


def _first_weights(blueprint: Blueprint) -> dict[str, nn.Module]:
    """The four networks with the weights that training begins with."""
    config = blueprint.config
    nets = _untrained(config, blueprint.models)
    for name, module in nets.items():
        if name != "G_B" or not (config.warmup_steps or config.weights):
            init_weights(module, config.init_type, config.init_gain)
        # else PyTorch's own, which are larger: a warm-up wants them
    if blueprint.weights is not None:
        given = read_folder(blueprint.weights)[0]
        nets["G_B"] = (grow(given, nets["G_B"]) if config.grow else given).train()
    return nets
