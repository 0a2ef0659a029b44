"""The training loop: paired warm-up of the cleaner, then CycleGAN, on any number of processes."""

import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import numpy as np
import torch
from accelerate import Accelerator
from accelerate.utils import set_seed
from torch import nn
from tqdm import tqdm

from sigclean.errors import DataError, ProcessLostError, SigcleanError
from sigclean.processes.memory import keep_freed_memory
from sigclean.training import checkpoints
from sigclean.training.accelerator import make_accelerator
from sigclean.training.adapting.ending import Adaptation
from sigclean.training.agreement import on_all_processes, on_main_process
from sigclean.training.building import Blueprint, build
from sigclean.training.card import check_template
from sigclean.training.card_facts import CardWriter
from sigclean.training.command_line import CONFIG_FILE, write_options
from sigclean.training.data.bad_files import BadFiles
from sigclean.training.data.domains import Domains
from sigclean.training.data.framing import to_range
from sigclean.training.data.sources import open_sides, seen_anew
from sigclean.training.data.stream import Sample, SignatureData, StepSampler, reader_ended, stream
from sigclean.training.options import TrainConfig
from sigclean.training.pushing import Publisher
from sigclean.training.run import Run
from sigclean.training.saving import Saver, add_onnx
from sigclean.training.schedules import Plateau, Timetable, apply_rates, plan_steps
from sigclean.training.steps import train_step
from sigclean.training.stopping import TIME_LIMIT, StopRequest, explain_lost
from sigclean.training.watching.trackers import check_tracker
from sigclean.training.watching.watch import Watch

LOOKS = 3  # times that an adaptation makes backdrops of its scans: at the start, and as it learns


@dataclass(frozen=True)
class Outcome:
    """The end of a run."""

    cleaner: Path  # the weights folder of G_B, with averaged weights
    stopped: str | None = None  # the reason of an early stop, with the state saved; None at the end
    address: str | None = None  # the commit on the Hub; None if nothing was uploaded


def train(config: TrainConfig, card: Path) -> Outcome:
    """Train the four networks as the options say.

    Args:
        card: the template of the model card that the weights are saved with.

    Raises:
        SigcleanError: before training, if options, data, checkpoint or Hub cannot be used; during
            training, if memory runs out, a loss becomes NaN or infinite, or a process is lost.
    """
    check_tracker(config.report_to)
    blueprint = Blueprint.draw(config)
    try:
        return _train(blueprint, card, make_accelerator(config))
    except RuntimeError as error:
        if ended := reader_ended(error):
            raise ended from error
        if explained := _explain(error):
            raise explained from error
        raise


def _train(blueprint: Blueprint, card: Path, accelerator: Accelerator) -> Outcome:
    config = blueprint.config
    publisher = Publisher(config, accelerator)
    publisher.check()
    on_main_process(accelerator, lambda: check_template(card))
    checkpoint = on_main_process(accelerator, lambda: _checkpoint(config, accelerator))
    domains, test = on_all_processes(accelerator, lambda: _open_data(blueprint))
    set_seed(config.seed)
    if accelerator.device.type == "cpu":
        keep_freed_memory()
    steps = plan_steps(config, domains.pictures, accelerator.num_processes)
    run = build(blueprint, accelerator, domains.size, steps)
    on_main_process(accelerator, lambda: _open_folder(config))
    start = checkpoints.load(accelerator, checkpoint, run.parts()) if checkpoint else 0
    apply_rates(config, run.optimizers, run.schedules)
    _announce(config, accelerator, start, steps.end, domains.notes)
    adaptation = _adaptation(blueprint, accelerator, test)
    watch = Watch(
        config, accelerator, test, start, steps.end, train=domains,
        judge=adaptation.judge if adaptation else None,
    )  # fmt: skip
    cards = CardWriter(card, config, run, domains, test, steps, lambda: _verdict(adaptation))
    saver = Saver(config, run, cards, publisher)
    try:
        with StopRequest(accelerator, config.ddp_timeout, config.max_train_seconds) as stop:
            batches = _batches(config, run, domains, start, steps)
            done, stopped = _loop(
                config, run, batches, watch, saver, stop, start, steps, adaptation
            )
    finally:
        watch.close()
    cleaner = config.run_folder / "G_B"
    if stopped:
        return Outcome(cleaner, stopped)
    if adaptation:
        adaptation.report(config.run_folder)
    if config.hub_onnx and accelerator.is_main_process:
        add_onnx(cleaner)
    return Outcome(cleaner, address=publisher.finish(cleaner, done, watch.figures))


def _loop(
    config: TrainConfig, run: Run, batches: Iterator[Sample], watch: Watch, saver: Saver,
    stop: StopRequest, start: int, steps: Timetable, adaptation: Adaptation | None,
) -> tuple[int, str | None]:  # fmt: skip
    """Train from step `start` + 1 to the end, or to the time limit.

    Returns the last step, and the reason if the run was stopped before its end, else None.
    """
    saver.weights(start)
    if config.adapt and config.validation_steps and not start:
        watch.validate(0, run)  # the model as it was, for comparison
    for step in range(start + 1, steps.end + 1):
        torch.manual_seed(_seed_of(config.seed, step, run.accelerator.process_index))
        warmup = step <= steps.warmup
        names = ("warmup",) if warmup else ("G", "D")
        lrs = {name: float(run.schedules[name].get_last_lr()[0]) for name in names}
        losses = train_step(run, batches, warmup=warmup)
        stopped = stop.agreed()
        last = step == steps.end or stopped == TIME_LIMIT
        watch.log(step, losses, lrs, last=last)
        logging = step % config.logging_steps == 0
        saving = last or stopped or step % config.checkpointing_steps == 0
        if last and config.adapt:
            on_main_process(run.accelerator, lambda: _conclude(adaptation, run))
        if config.validation_steps and (last or step % config.validation_steps == 0):
            _validate(run, watch, step)
        if saving or (logging and saver.behind):
            watch.check(step, run)
            saver.save(step, watch.figures, last=bool(last or stopped), ended=last)
        if last:
            return step, None
        if stopped:
            return step, stopped
    return steps.end, None  # a resumed run that had ended


def _verdict(adaptation: Adaptation | None) -> str:
    return adaptation.verdict.sentence if adaptation and adaptation.verdict else ""


def _conclude(adaptation: Adaptation | None, run: Run) -> None:
    if adaptation:
        adaptation.conclude(run.averages["G_B"].module)


def _adaptation(
    blueprint: Blueprint, accelerator: Accelerator, test: Domains | None
) -> Adaptation | None:
    """The adaptation of a run that is one, on the main process; else None."""
    if not blueprint.config.adapt or not accelerator.is_main_process:
        return None
    assert blueprint.weights is not None and test is not None  # the options are checked
    return Adaptation.begin(blueprint.weights, test, accelerator.device)


def _seed_of(seed: int, step: int, process: int) -> int:
    """The seed of a step's random numbers, for example of dropout.

    It depends on the step, so that no random state has to be saved for resuming.
    """
    return int(np.random.default_rng((seed, step, process)).integers(2**63))


def _validate(run: Run, watch: Watch, step: int) -> None:
    figures = watch.validate(step, run)
    for plateau in (one for one in run.schedules.values() if isinstance(one, Plateau)):
        plateau.watch(figures["f"])


def _batches(
    config: TrainConfig, run: Run, domains: Domains, start: int, steps: Timetable
) -> Iterator[Sample]:
    """Yield the batches: pairs alone in the warm-up, then pictures of both domains.

    An adaptation makes the backdrops of its scans `LOOKS` times: at first with the weights that it
    begins with, and then, in equal parts of the warm-up, with the averaged weights at that step.
    """
    accelerator, per_step = run.accelerator, config.gradient_accumulation_steps
    bad = BadFiles(config.max_bad_files)
    looks = LOOKS if run.teacher is not None else 1
    parts = [steps.warmup * part // looks for part in range(looks + 1)]
    for first, last in pairwise([*parts, steps.end]):
        if start >= last or first == last:
            continue
        begin, paired_only = max(start, first), last <= steps.warmup
        if run.teacher is not None and first and (paired_only or start >= first):
            if paired_only and begin == first:
                run.teacher.load_state_dict(run.averages["G_B"].module.state_dict())
            domains = _seen_anew(config, accelerator, domains, run.teacher)
        data = SignatureData.of(config, domains, paired_only=paired_only)
        sampler = StepSampler(
            config.batch_size, begin * per_step, accelerator.process_index,
            accelerator.num_processes,
        )  # fmt: skip
        batches = stream(data, sampler, config.dataloader_num_workers, bad)
        for _ in range((last - begin) * per_step):
            yield _to_device(next(batches), accelerator.device, config.channels_last)


def _seen_anew(
    config: TrainConfig, accelerator: Accelerator, domains: Domains, teacher: nn.Module
) -> Domains:
    if accelerator.is_main_process:
        tqdm.write(
            "train.py: the scans' backdrops are made anew, with the present weights",
            file=sys.stderr,
        )
    return on_all_processes(accelerator, lambda: seen_anew(config, domains, teacher))


def _to_device(batch: Sample, device: torch.device, channels_last: bool) -> Sample:
    """Move a batch to the device; its pictures move as bytes and are scaled to [-1, 1] there."""
    memory_format = torch.channels_last if channels_last else torch.contiguous_format
    moved = {}
    for name, tensor in batch.items():
        tensor = tensor.to(device, non_blocking=True)
        if tensor.dim() == 4:
            tensor = to_range(tensor).contiguous(memory_format=memory_format)
        moved[name] = tensor
    return moved


def _open_data(blueprint: Blueprint) -> tuple[Domains, Domains | None]:
    """Open the training and test sides. Raises SigcleanError for data that cannot be used."""
    config = blueprint.config
    domains, test = open_sides(config, test=config.validation_steps > 0 or bool(config.adapt))
    blueprint.check_pictures(domains)
    if test is None and config.lr_policy == "plateau":
        raise DataError("--lr_policy plateau needs validation, but there are no test pairs")
    return domains, test


def _checkpoint(config: TrainConfig, accelerator: Accelerator) -> Path | None:
    """Find the checkpoint to resume from; None for a new run.

    Raises DataError if the run cannot be resumed from it, or would replace an earlier run.
    """
    if config.resume:
        checkpoint = checkpoints.find(config.run_folder, config.resume)
        pictures = config.batch_size * config.gradient_accumulation_steps
        checkpoints.check(checkpoint, accelerator.num_processes * pictures, config.public())
        return checkpoint
    if checkpoints.checkpoints(config.run_folder):
        raise DataError(
            f"{config.run_folder} holds checkpoints of an earlier run: "
            "resume it with --resume_from_checkpoint latest, or give another --name or --output_dir"
        )
    return None


def _announce(
    config: TrainConfig, accelerator: Accelerator, start: int, end: int, notes: Sequence[str]
) -> None:
    """Print the warnings about the data, then how many processes train: a launcher may start
    fewer than it was told to."""
    count = accelerator.num_processes
    pictures = config.batch_size * config.gradient_accumulation_steps * count
    if accelerator.is_main_process:
        for note in notes:
            tqdm.write(f"train.py: warning: {note}", file=sys.stderr)
        tqdm.write(
            f"train.py: {count} process{'es' if count > 1 else ''} on {accelerator.device.type}, "
            f"{pictures} picture{'s' if pictures > 1 else ''} a step, step {start} of {end}",
            file=sys.stderr,
        )


def _open_folder(config: TrainConfig) -> None:
    """Make the run folder. Raises SigcleanError or OSError if it cannot be written."""
    config.run_folder.mkdir(parents=True, exist_ok=True)
    write_options(config, config.run_folder / CONFIG_FILE)


def _explain(error: RuntimeError) -> SigcleanError | None:
    """Turn an error that needs no traceback into one sentence; return None for other errors."""
    if isinstance(error, torch.OutOfMemoryError) or "not enough memory" in str(error):
        return SigcleanError("out of memory: lower --batch_size, --crop_size or --ngf_A")
    if lost := explain_lost(error):
        return ProcessLostError(lost)
    return None
