"""Compare our training step with a plain re-creation of the original PyTorch CycleGAN's.

    python benchmarks/train_step.py                                  # CPU, 256 pixels, batch 1
    python benchmarks/train_step.py --netG eraser --batch 4          # our default networks
    python benchmarks/train_step.py --device cuda --mixed_precision bf16 --compile
    python benchmarks/train_step.py --rounds 1 --profile             # where the time goes

Both have the same networks, weights and batch, and their losses in float32 are compared first. Each
row is a process of its own, with its own peak memory; the rounds are interleaved, so that other
work of the machine slows all rows alike. The pictures are random, which does not change the time.
"""

from __future__ import annotations

import argparse
import multiprocessing
import resource
import warnings
from collections.abc import Callable
from copy import deepcopy
from dataclasses import dataclass
from multiprocessing.connection import Connection
from statistics import median
from time import perf_counter

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.profiler import ProfilerActivity, profile

from sigclean.networks.layers import InstanceNorm
from sigclean.processes.memory import keep_freed_memory
from sigclean.training.accelerator import make_accelerator
from sigclean.training.building import Blueprint, build
from sigclean.training.data.sources import open_sides
from sigclean.training.losses.image_pool import ImagePool
from sigclean.training.options import TrainConfig
from sigclean.training.run import Run
from sigclean.training.schedules import plan_steps
from sigclean.training.steps import train_step

Tensors = dict[str, Tensor]
Step = Callable[[], Tensors]

SEED = 0
TOLERANCE = 1e-4  # relative, of losses in float32: sums of millions of terms in another order
NETWORKS = {"resnet_9blocks": "resnet_9blocks", "eraser": "unet_256"}  # netG: netG_A


@dataclass(frozen=True)
class Row:
    """One way to take the step."""

    name: str
    plain: bool = False
    mixed_precision: str = "no"
    compile: bool = False
    cuda_graphs: bool = False


def main() -> None:
    """Compare the losses, measure, and print a table."""
    args = parse_args()
    rows = [Row("original's step", plain=True), Row("ours")]
    chosen = {args.mixed_precision: args.mixed_precision != "no", "compiled": args.compile}
    chosen["graphs"] = args.cuda_graphs
    if any(chosen.values()):
        name = ", ".join(["ours", *(word for word, wanted in chosen.items() if wanted)])
        rows.append(Row(name, False, args.mixed_precision, args.compile, args.cuda_graphs))
    workers = [Worker(row, args) for row in rows]
    compare(workers[0].first_losses, workers[1].first_losses)
    times: list[list[float]] = [[] for _ in rows]
    for _ in range(args.rounds):
        for worker, measured in zip(workers, times, strict=True):
            measured.append(worker.ask("step"))
    print_table(rows, times, [worker.ask("memory") for worker in workers], args)
    for row, worker in zip(rows, workers, strict=True):
        if args.profile:
            print(f"\n{row.name}\n{worker.ask('profile')}")
        worker.ask("end")


def parse_args() -> argparse.Namespace:
    """Parse the options of the command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--size", type=int, default=256, help="pixels")
    parser.add_argument("--batch", type=int, default=1)
    parser.add_argument("--netG", choices=NETWORKS, default="resnet_9blocks",
                        help="the eraser comes with a unet_256 as G_A, as by default")  # fmt: skip
    parser.add_argument("--device", choices=("cpu", "cuda"), default="cpu")
    parser.add_argument("--mixed_precision", choices=("no", "bf16", "fp16"), default="no",
                        help="of a third row")  # fmt: skip
    parser.add_argument("--compile", action="store_true", help="the third row's networks")
    parser.add_argument("--cuda_graphs", action="store_true", help="record the third row's passes")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--profile", action="store_true", help="print the costliest operators")
    return parser.parse_args()


def compare(plain: dict[str, float], ours: dict[str, float]) -> None:
    """Print the losses of the first step. Ends the program if they do not agree."""
    print(f"{'loss':10}{'reference':>14}{'ours':>14}{'difference':>14}")
    for name, value in plain.items():
        print(f"{name:10}{value:14.6f}{ours[name]:14.6f}{ours[name] - value:14.1e}")
    apart = [name for name in plain if abs(ours[name] / plain[name] - 1) > TOLERANCE]
    if apart:
        raise SystemExit(f"losses that do not agree: {', '.join(apart)}")


def print_table(
    rows: list[Row], times: list[list[float]], memory: list[int], args: argparse.Namespace
) -> None:
    """Print one line for each row; ratios are medians of the ratios within each round."""
    where = torch.cuda.get_device_name() if args.device == "cuda" else f"{args.threads} threads"
    print(
        f"\n{args.netG} and {NETWORKS[args.netG]}, basic, {args.size} pixels, batch {args.batch}, "
        f"{where}, torch {torch.__version__}, median of {args.rounds} rounds"
    )
    print(f"{'':24}{'step':>10}{'pictures/s':>12}{'peak memory':>14}{'speed':>9}")
    for row, measured, peak in zip(rows, times, memory, strict=True):
        seconds = median(measured)
        ratio = median(one / other for one, other in zip(times[0], measured, strict=True))
        print(
            f"{row.name:24}{seconds * 1000:7.0f} ms{args.batch / seconds:12.2f}"
            f"{peak / 2**20:10.0f} MiB{ratio:8.2f}x"
        )


class Worker:
    """A process that takes one row's step on request.

    Attributes:
        first_losses: the losses of the first step, by name.
    """

    def __init__(self, row: Row, args: argparse.Namespace) -> None:
        context = multiprocessing.get_context("spawn")
        self.pipe, end = context.Pipe()
        context.Process(target=serve, args=(end, row, args), daemon=True).start()
        end.close()
        self.first_losses: dict[str, float] = self.pipe.recv()

    def ask(self, what: str):
        """Ask for a `step` (seconds), `memory` (bytes), a `profile` (a table) or the `end`."""
        self.pipe.send(what)
        return self.pipe.recv()


def serve(pipe: Connection, row: Row, args: argparse.Namespace) -> None:
    """Take the step once, then on every request."""
    warnings.simplefilter("ignore")
    torch.set_num_threads(args.threads)
    if args.device == "cpu" and not row.plain:
        keep_freed_memory()  # as the training does
    step = make_step(row, args)
    pipe.send({name: float(value) for name, value in step().items()})
    answers: dict[str, Callable[[], object]] = {
        "step": lambda: seconds_of(step, args.device),
        "memory": lambda: peak_memory(args.device),
        "profile": lambda: costliest_operators(step, args.device),
    }
    while (what := pipe.recv()) != "end":
        pipe.send(answers[what]())
    pipe.send(None)


def make_step(row: Row, args: argparse.Namespace) -> Step:
    """Return one row's step, without the reading of pictures."""
    config = TrainConfig(
        netG=args.netG, netG_A=NETWORKS[args.netG], crop_size=str(args.size), seed=SEED,
        batch_size=args.batch, mixed_precision=row.mixed_precision, compile=row.compile,
        cuda_graphs=row.cuda_graphs,
    )  # fmt: skip
    torch.manual_seed(SEED)
    domains = open_sides(config, test=False)[0]
    steps = plan_steps(config, domains.pictures, 1)
    run = build(Blueprint.draw(config), make_accelerator(config), domains.size, steps)
    generator = torch.Generator().manual_seed(SEED)
    shape = (args.batch, 3, args.size, args.size)
    batch = {
        name: (torch.rand(shape, generator=generator) * 2 - 1).to(args.device)
        for name in ("real_A", "real_B")
    }
    if row.plain:
        plain = PlainCycleGAN(run)
        return lambda: plain.optimize_parameters(batch)
    last = {n: one.contiguous(memory_format=torch.channels_last) for n, one in batch.items()}
    return lambda: train_step(run, iter([last]), warmup=False)


class PlainCycleGAN:
    """The step as in the original: a pass for everything, torch's own layers, NCHW.

    Written anew from the paper (Zhu et al. 2017, sections 3 and 4, and its appendix).
    Discriminators are named by the domain they judge.

    Args:
        run: the run whose weights are copied.
    """

    def __init__(self, run: Run) -> None:
        self.G_A, self.G_B, self.D_A, self.D_B = (
            plain_network(run.bare(name)) for name in ("G_A", "G_B", "D_A", "D_B")
        )
        self.pools = {name: ImagePool(50) for name in ("A", "B")}
        makers = [*self.G_A.parameters(), *self.G_B.parameters()]
        self.judges = [*self.D_A.parameters(), *self.D_B.parameters()]
        self.optimizer_G = torch.optim.Adam(makers, lr=2e-4, betas=(0.5, 0.999))
        self.optimizer_D = torch.optim.Adam(self.judges, lr=2e-4, betas=(0.5, 0.999))

    def optimize_parameters(self, batch: Tensors) -> Tensors:
        """Train the generators, then the discriminators; returns the losses."""
        self.judges_learn(False)
        self.optimizer_G.zero_grad()
        losses, fake_a, fake_b = self.generators(batch["real_A"], batch["real_B"])
        sum(losses.values()).backward()
        self.optimizer_G.step()
        self.judges_learn(True)
        self.optimizer_D.zero_grad()
        losses["D_A"] = self.judge(self.D_A, batch["real_A"], self.pools["A"].query(fake_a))
        losses["D_B"] = self.judge(self.D_B, batch["real_B"], self.pools["B"].query(fake_b))
        self.optimizer_D.step()
        return {name: loss.detach() for name, loss in losses.items()}

    def generators(self, real_a: Tensor, real_b: Tensor) -> tuple[Tensors, Tensor, Tensor]:
        """Compute the generators' losses; returns them and the generated pictures."""
        fake_b = self.G_A(real_a)
        rec_a = self.G_B(fake_b)
        fake_a = self.G_B(real_b)
        rec_b = self.G_A(fake_a)
        losses = {
            "idt_A": 5.0 * F.l1_loss(self.G_A(real_b), real_b),
            "idt_B": 5.0 * F.l1_loss(self.G_B(real_a), real_a),
            "G_A": least_squares(self.D_B(fake_b), 1.0),
            "G_B": least_squares(self.D_A(fake_a), 1.0),
            "cycle_A": 10.0 * F.l1_loss(rec_a, real_a),
            "cycle_B": 10.0 * F.l1_loss(rec_b, real_b),
        }
        return losses, fake_a, fake_b

    def judge(self, discriminator: nn.Module, real: Tensor, fake: Tensor) -> Tensor:
        """Compute a discriminator's loss and its gradients."""
        loss_real = least_squares(discriminator(real), 1.0)
        loss_fake = least_squares(discriminator(fake.detach()), 0.0)
        loss = 0.5 * (loss_real + loss_fake)
        loss.backward()
        return loss

    def judges_learn(self, learn: bool) -> None:
        """Choose whether the discriminators' parameters get gradients."""
        for parameter in self.judges:
            parameter.requires_grad_(learn)


def plain_network(ours: nn.Module) -> nn.Module:
    """Copy a network with torch's own layers and memory format, and all weights trained."""
    copy = deepcopy(ours).to(memory_format=torch.contiguous_format).requires_grad_(True)
    for module in list(copy.modules()):
        for name, child in module.named_children():
            if isinstance(child, InstanceNorm):
                setattr(module, name, nn.InstanceNorm2d(1))  # without weights it counts no channels
    return copy


def least_squares(scores: Tensor, wanted: float) -> Tensor:
    return F.mse_loss(scores, torch.full_like(scores, wanted))


def seconds_of(step: Step, device: str) -> float:
    """Measure one step, until the device has finished it."""
    start = perf_counter()
    step()
    if device == "cuda":
        torch.cuda.synchronize()
    return perf_counter() - start


def peak_memory(device: str) -> int:
    """Return the peak bytes: of tensors on a GPU, of the whole process on a CPU."""
    if device == "cuda":
        return torch.cuda.max_memory_allocated()
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


def costliest_operators(step: Step, device: str) -> str:
    """Return a table of the operators that take most of a step's time."""
    activities = [ProfilerActivity.CPU]
    activities += [ProfilerActivity.CUDA] * (device == "cuda")
    with profile(activities=activities) as found:
        seconds_of(step, device)
    name = "self_device_time_total" if device == "cuda" else "self_cpu_time_total"  # microseconds
    spent = {one.key: (one.count, getattr(one, name)) for one in found.key_averages()}
    total = sum(time for _, time in spent.values())
    return "\n".join(
        f"{key:44}{count:7}{time / 1000:10.0f} ms{time / total:8.1%}"
        for key, (count, time) in sorted(spent.items(), key=lambda one: -one[1][1])[:12]
    )


if __name__ == "__main__":
    main()
