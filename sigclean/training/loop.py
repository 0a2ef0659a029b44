"""The training loop: paired warm-up of the cleaner, then CycleGAN, on any number of processes."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from accelerate import Accelerator
from accelerate.utils import set_seed

from sigclean.errors import DataError, ProcessLostError, SigcleanError
from sigclean.training import checkpoints
from sigclean.training.agreement import on_all_processes, on_main_process
from sigclean.training.building import build, check, check_pictures, make_accelerator
from sigclean.training.card import check_template
from sigclean.training.card_facts import CardWriter
from sigclean.training.command_line import CONFIG_FILE, write_options
from sigclean.training.data.bad_files import BadFiles
from sigclean.training.data.domains import Domains
from sigclean.training.data.framing import to_range
from sigclean.training.data.sources import open_sides
from sigclean.training.data.stream import Sample, SignatureData, StepSampler, reader_ended, stream
from sigclean.training.options import TrainConfig
from sigclean.training.pushing import Publisher
from sigclean.training.run import Run
from sigclean.training.saving import Keeper
from sigclean.training.schedules import Plateau, apply_rates, steps_in_epoch, total_steps
from sigclean.training.steps import train_step
from sigclean.training.stopping import StopRequest, explain_lost
from sigclean.training.watching.watch import Watch


@dataclass(frozen=True)
class Outcome:
    """How a run ended.

    Attributes:
        cleaner: the weights folder of the averaged G_B.
        stopped: why it ended early, its state saved; None if it went through.
        address: of the commit on the Hub, if it was pushed.
    """

    cleaner: Path
    stopped: str | None = None
    address: str | None = None


def train(config: TrainConfig, card: Path) -> Outcome:
    """Train as the options say.

    Args:
        card: the template of the model card that the weights are saved with.

    Raises:
        SigcleanError: options, data, checkpoint or Hub cannot be used, which is found before
            anything is trained; or memory ends, a loss is no number any more, a process is lost.
    """
    check(config)
    try:
        return _train(config, card, make_accelerator(config))
    except RuntimeError as error:
        if ended := reader_ended(error):
            raise ended from error
        if explained := _explain(error):
            raise explained from error
        raise


def _train(config: TrainConfig, card: Path, accelerator: Accelerator) -> Outcome:
    publisher = Publisher(config, accelerator)
    publisher.check()
    on_main_process(accelerator, lambda: check_template(card))
    checkpoint = on_main_process(accelerator, lambda: _checkpoint(config, accelerator))
    domains, test = on_all_processes(accelerator, lambda: _open_data(config))
    set_seed(config.seed)
    run = build(config, accelerator, domains)
    end = total_steps(config, steps_in_epoch(config, domains.pictures, accelerator.num_processes))
    on_main_process(accelerator, lambda: _open_folder(config))
    start = checkpoints.load(accelerator, checkpoint, run.parts()) if checkpoint else 0
    apply_rates(config, run.optimizers, run.schedules)
    watch = Watch(config, accelerator, test, start, end, train=domains)
    keeper = Keeper(run, watch, CardWriter(card, run, domains, test, end), publisher)
    try:
        with StopRequest(accelerator, config.ddp_timeout) as stop:
            stopped = _loop(run, domains, watch, keeper, stop, start, end)
    finally:
        watch.close()
    cleaner = config.run_folder / "G_B"
    address = None if stopped else publisher.finish(cleaner, end, watch.figures)
    return Outcome(cleaner, stopped, address)


def _loop(
    run: Run, domains: Domains, watch: Watch, keeper: Keeper, stop: StopRequest,
    start: int, end: int,
) -> str | None:  # fmt: skip
    """From step `start` + 1 to `end`; returns why it stopped before, or None."""
    config = run.config
    batches = _batches(run, domains, start, end)
    keeper.weights(start)
    for step in range(start + 1, end + 1):
        torch.manual_seed(_seed_of(config.seed, step, run.accelerator.process_index))
        rates = _rates(run, step)
        losses = train_step(run, batches, warmup=step <= config.warmup_steps)
        watch.log(step, losses, rates)
        stopped, last = stop.agreed(), step == end
        logging = step % config.logging_steps == 0
        saving = last or stopped or step % config.checkpointing_steps == 0
        if config.validation_steps and (last or step % config.validation_steps == 0):
            _validate(run, watch, step)
        if saving or (logging and keeper.behind):
            keeper.save(step, last=bool(last or stopped))
        if stopped and not last:
            return stopped
    return None


def _seed_of(seed: int, step: int, process: int) -> int:
    """Of what a step draws, say for dropout: a run that is resumed has no state to restore."""
    return int(np.random.default_rng((seed, step, process)).integers(2**63))


def _rates(run: Run, step: int) -> dict[str, float]:
    """The learning rates that this step is made with."""
    names = ("warmup",) if step <= run.config.warmup_steps else ("G", "D")
    return {name: float(run.schedules[name].get_last_lr()[0]) for name in names}


def _validate(run: Run, watch: Watch, step: int) -> None:
    figures = watch.validate(step, run)
    for plateau in (one for one in run.schedules.values() if isinstance(one, Plateau)):
        plateau.watch(figures["f"])


def _batches(run: Run, domains: Domains, start: int, end: int) -> Iterator[Sample]:
    """The warm-up's stream of pairs, then the adversarial stage's of both domains."""
    config, accelerator = run.config, run.accelerator
    per_step = config.gradient_accumulation_steps
    bad = BadFiles(config.max_bad_files)
    stages = [(0, min(config.warmup_steps, end), True), (config.warmup_steps, end, False)]
    for first, last, paired_only in stages:
        if start >= last:
            continue
        data = SignatureData.of(config, domains, paired_only=paired_only)
        begin = max(start, first)
        sampler = StepSampler(
            config.batch_size, begin * per_step, accelerator.process_index,
            accelerator.num_processes,
        )  # fmt: skip
        batches = stream(data, sampler, config.dataloader_num_workers, bad)
        for _ in range((last - begin) * per_step):
            yield _to_device(next(batches), accelerator.device, config.channels_last)


def _to_device(batch: Sample, device: torch.device, channels_last: bool) -> Sample:
    """Pictures in [-1, 1]. They travel as bytes, a quarter of what floats would take."""
    memory_format = torch.channels_last if channels_last else torch.contiguous_format
    moved = {}
    for name, tensor in batch.items():
        tensor = tensor.to(device, non_blocking=True)
        if tensor.dim() == 4:
            tensor = to_range(tensor).contiguous(memory_format=memory_format)
        moved[name] = tensor
    return moved


def _open_data(config: TrainConfig) -> tuple[Domains, Domains | None]:
    """Training and test side. Raises SigcleanError for data that cannot be used."""
    domains, test = open_sides(config, test=config.validation_steps > 0)
    check_pictures(config, domains)
    if test is None and config.lr_policy == "plateau":
        raise DataError("--lr_policy plateau watches the validation, but there are no test pairs")
    return domains, test


def _checkpoint(config: TrainConfig, accelerator: Accelerator) -> Path | None:
    """What to resume from. Raises DataError if it cannot be, or if an earlier run would be lost."""
    if config.resume:
        checkpoint = checkpoints.find(config.run_folder, config.resume)
        pictures = config.batch_size * config.gradient_accumulation_steps
        checkpoints.check(checkpoint, accelerator.num_processes * pictures, config.public())
        return checkpoint
    if checkpoints.checkpoints(config.run_folder):
        raise DataError(
            f"{config.run_folder} holds checkpoints of an earlier run: "
            "go on with --resume_from_checkpoint latest, or give another --name or --output_dir"
        )
    return None


def _open_folder(config: TrainConfig) -> None:
    """Raises SigcleanError or OSError if the run folder cannot be written."""
    config.run_folder.mkdir(parents=True, exist_ok=True)
    write_options(config, config.run_folder / CONFIG_FILE)


def _explain(error: RuntimeError) -> SigcleanError | None:
    """What went wrong, if it is nothing that a traceback would be needed for."""
    if isinstance(error, torch.OutOfMemoryError) or "not enough memory" in str(error):
        return SigcleanError("out of memory: lower --batch_size, --crop_size or --ngf_A")
    if lost := explain_lost(error):
        return ProcessLostError(lost)
    return None
