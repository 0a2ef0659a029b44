"""Everything that a run of training needs, built from its options and checked before it begins."""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from dataclasses import replace
from datetime import timedelta

import torch
from accelerate import Accelerator
from accelerate.utils import (
    DistributedDataParallelKwargs,
    GradientAccumulationPlugin,
    InitProcessGroupKwargs,
)
from torch import nn

from sigclean.errors import SigcleanError
from sigclean.hub.resolve import load_generator, resolve_weights
from sigclean.letterbox import SIZE
from sigclean.model_files.config import ModelConfig
from sigclean.model_files.names import CONFIG_FILE, DEFAULT_MODEL
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
from sigclean.training.data.domains import Domains
from sigclean.training.data.framing import Crop
from sigclean.training.losses.cyclegan import Networks
from sigclean.training.losses.image_pool import ImagePool
from sigclean.training.moving_average import MovingAverage
from sigclean.training.optimizers import make_optimizers
from sigclean.training.options import TrainConfig
from sigclean.training.run import Run
from sigclean.training.schedules import make_schedules, steps_in_epoch
from sigclean.training.shared_norm import share_batch_norms
from sigclean.training.watching.trackers import check_tracker


def check(config: TrainConfig) -> None:
    """Raises SigcleanError for networks that do not exist or cannot take cuts of --crop_size, or
    for a tracker that is not installed."""
    check_tracker(config)
    crop = Crop.parse(config.crop_size)
    sides = {"--crop_size": (crop.width, crop.height)}
    _check_sides(config, sides if crop.width and config.preprocess != "none" else {})


def check_pictures(config: TrainConfig, domains: Domains) -> None:
    """Raises SigcleanError for pictures that the networks cannot take, naming one of them."""
    domains.check_batch(2)  # A and B share batches, and so do new and older pictures of the pool
    _check_sides(config, {file: shape for shape, file in domains.shapes.items()}, domains.size)


def _check_sides(
    config: TrainConfig, sides: Mapping[str, tuple[int, int]], size: int = SIZE
) -> None:
    """Try the networks on widths and heights, without memory and arithmetic.

    Args:
        sides: by what has them.
        size: pixels, side of the square that the cleaner works at.
    """
    with torch.device("meta"):
        nets = _untrained(config, model_configs(config, size))
        for name, (width, height) in sides.items():
            try:
                nets["D_A"](torch.empty(1, 3, height, width))
            except (RuntimeError, ValueError) as error:
                raise SigcleanError(
                    f"{name}: {width}x{height} is too small for the discriminator {config.netD}"
                ) from error
            for side in (width, height):
                _check_side(name, nets["G_A"], f"--netG_A {config.netG_A}", side)
                _check_side(name, nets["G_B"], _cleaner_of(config), side)
        _check_side("--size", nets["G_B"], _cleaner_of(config), size)


def _check_side(name: str, generator: nn.Module, option: str, side: int) -> None:
    assert isinstance(generator, Generator)
    try:
        check_size(generator, side)
    except SigcleanError as error:
        raise SigcleanError(f"{name} and {option}: {error}") from error


def _cleaner_of(config: TrainConfig) -> str:
    """The option that names G_B, as it was given."""
    return f"--weights {config.weights}" if config.weights else f"--netG {config.netG}"


def make_accelerator(config: TrainConfig) -> Accelerator:
    """Raises SigcleanError for a precision that the device does not have."""
    if config.deterministic:
        torch.use_deterministic_algorithms(True, warn_only=True)
        torch.backends.cudnn.benchmark = False
    elif torch.cuda.is_available():
        torch.backends.cudnn.benchmark = True  # crops are all of one size
    try:
        return Accelerator(
            mixed_precision=config.mixed_precision or None,
            gradient_accumulation_plugin=GradientAccumulationPlugin(
                num_steps=config.gradient_accumulation_steps
            ),
            kwargs_handlers=[
                # Batch norm's buffers must not be sent round between two forwards of one backward.
                DistributedDataParallelKwargs(broadcast_buffers=False),
                InitProcessGroupKwargs(timeout=timedelta(seconds=config.ddp_timeout)),
            ],
        )
    except ValueError as error:
        raise SigcleanError(f"--mixed_precision {config.mixed_precision}: {error}") from error


def build(config: TrainConfig, accelerator: Accelerator, domains: Domains) -> Run:
    """Networks, averages, optimizers, schedules, pools: all on the device and wrapped.

    Raises SigcleanError if the networks cannot take the pictures.
    """
    check_pictures(config, domains)
    models = model_configs(config, domains.size)
    bare = _first_weights(config, models)
    memory_format = torch.channels_last if config.channels_last else torch.contiguous_format
    for name, module in bare.items():
        freeze_idle_biases(module)
        bare[name] = share_batch_norms(module, accelerator.num_processes)
        bare[name].to(accelerator.device).to(memory_format=memory_format)
    averages = {name: MovingAverage(bare[name], config.ema_decay) for name in ("G_A", "G_B")}
    if config.compile:
        for module in bare.values():
            module.compile()  # in place: the names of the weights stay
    with warnings.catch_warnings():  # torch 2.13 renames broadcast_buffers; 2.8 knows no other name
        warnings.filterwarnings("ignore", "`broadcast_buffers`", FutureWarning)
        nets = Networks(**{name: accelerator.prepare(module) for name, module in bare.items()})
    optimizers = make_optimizers(config, nets)
    epoch = steps_in_epoch(config, domains.pictures, accelerator.num_processes)
    return Run(
        config,
        accelerator,
        nets,
        averages,
        {name: accelerator.prepare(one) for name, one in optimizers.items()},
        make_schedules(config, optimizers, epoch),
        {
            name: ImagePool(config.pool_size, seed=config.seed + i, accelerator=accelerator)
            for i, name in enumerate(("fake_A", "fake_B"))
        },
        models,
    )


def model_configs(config: TrainConfig, size: int) -> dict[str, ModelConfig]:
    """What the weights folders of both generators will say.

    Raises SigcleanError for --weights that are not there.
    """
    norm = {"norm": config.norm} if config.norm else {}

    def model(name: str, ngf: int) -> ModelConfig:
        taken = complete_arguments(name, {})
        wanted = {"ngf": ngf, "dropout": config.dropout}
        own = {key: value for key, value in wanted.items() if key in taken}
        return ModelConfig(name, own | norm, size=size)

    cleaner = model(config.netG, config.ngf)
    if config.weights:
        folder = resolve_weights(_source(config), token=config.hub_token or None)
        cleaner = replace(ModelConfig.read(folder / CONFIG_FILE), size=size)
    if config.grow:
        if cleaner.generator != "eraser":
            raise SigcleanError(f"--grow makes erasers larger, not a {cleaner.generator}")
        cleaner = replace(cleaner, arguments={"norm": cleaner.arguments.get("norm", "batch")})
    return {"G_A": model(config.netG_A, config.ngf_A), "G_B": cleaner}


def _source(config: TrainConfig) -> str | None:
    return None if config.weights == DEFAULT_MODEL else config.weights


def _untrained(config: TrainConfig, models: dict[str, ModelConfig]) -> dict[str, nn.Module]:
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


def _first_weights(config: TrainConfig, models: dict[str, ModelConfig]) -> dict[str, nn.Module]:
    """The four networks as training begins with them."""
    nets = _untrained(config, models)
    for name, module in nets.items():
        if name != "G_B" or not (config.warmup_steps or config.weights):
            init_weights(module, config.init_type, config.init_gain)
        # else PyTorch's own, which are larger: a warm-up wants them
    if config.weights:
        given = load_generator(_source(config), token=config.hub_token or None)[0]
        nets["G_B"] = (grow(given, nets["G_B"]) if config.grow else given).train()
    return nets
