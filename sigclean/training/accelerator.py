"""The accelerator of a run: its device and precision, and how its processes work together."""

import ipaddress
import os
import socket
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
from sigclean.training.options import TrainConfig


def make_accelerator(config: TrainConfig) -> Accelerator:
    """Join the other processes, if there are any, and choose device and precision.

    Raises SigcleanError for a precision that the device does not have, or if a launcher's
    variables contradict each other.
    """
    if config.deterministic:
        torch.use_deterministic_algorithms(True, warn_only=True)
        torch.backends.cudnn.benchmark = False
    elif torch.cuda.is_available():
        torch.backends.cudnn.benchmark = True  # crops are all of one size
    for name, value in gloo_network(os.environ.get("MASTER_ADDR", "")).items():
        os.environ.setdefault(name, value)
    try:
        return Accelerator(
            # accelerate 1.15 lets CPU processes work together only if it is told that they are
            cpu=_launched_processes() > 1 and not torch.cuda.is_available(),
            mixed_precision=config.mixed_precision or None,
            gradient_accumulation_plugin=GradientAccumulationPlugin(
                num_steps=config.gradient_accumulation_steps
            ),
            kwargs_handlers=[
                # Broadcasting batch norm's buffers between two forward passes of one backward pass
                # would change tensors that autograd has saved.
                DistributedDataParallelKwargs(broadcast_buffers=False),
                InitProcessGroupKwargs(timeout=timedelta(seconds=config.ddp_timeout)),
            ],
        )
    except ValueError as error:
        raise SigcleanError(f"--mixed_precision {config.mixed_precision}: {error}") from error


def gloo_network(address: str) -> dict[str, str]:
    """The variable that makes gloo use the network on the way to `address`, the first machine's.

    By itself gloo takes the network of the host's name, which is often 127.0.0.1. The result is
    empty where gloo needs no help: all processes are on one machine, or there is no such way.
    """
    import psutil  # type: ignore[import-untyped]

    try:
        found = socket.getaddrinfo(address, 1, type=socket.SOCK_DGRAM)[0]
        with socket.socket(found[0], socket.SOCK_DGRAM) as probe:
            probe.connect(found[4])  # sends nothing
            own = probe.getsockname()[0]
    except OSError:
        return {}  # joining the others will fail and say so
    if ipaddress.ip_address(own).is_loopback:
        return {}
    for name, addresses in psutil.net_if_addrs().items():
        if any(one.address.partition("%")[0] == own for one in addresses):
            return {"GLOO_SOCKET_IFNAME": name}
    return {}


def share_batch_norms(module: nn.Module, device: torch.device, processes: int) -> nn.Module:
    """Let batch norms on several GPUs take their statistics from the pictures of all processes.

    PyTorch can do this on GPUs alone; `average_statistics` is for CPUs. The names of the state
    dict stay as they are. Call it before the module is copied or wrapped.
    """
    if processes > 1 and device.type == "cuda":
        return nn.SyncBatchNorm.convert_sync_batchnorm(module)
    return module


@torch.no_grad()
def average_statistics(accelerator: Accelerator, module: nn.Module) -> None:
    """Replace running statistics of plain batch norms by their mean over all processes.

    Each process normalises by its own pictures, but all of them keep the same state, of which a
    checkpoint holds one copy. All processes call it together.
    """
    norms = [one for one in module.modules() if isinstance(one, nn.BatchNorm2d)]
    buffers = [one for norm in norms for one in norm.buffers() if one.is_floating_point()]
    if accelerator.num_processes == 1 or not buffers:
        return
    means = accelerator.reduce(torch.cat(buffers), "mean").split([len(one) for one in buffers])
    for buffer, mean in zip(buffers, means, strict=True):
        buffer.copy_(mean)


def _launched_processes() -> int:
    """Read WORLD_SIZE and RANK, which `torchrun` and `accelerate launch` set; return
    the number of processes. Raises SigcleanError if they contradict each other."""
    count, rank = _number("WORLD_SIZE", 1), _number("RANK", 0)
    if count > 1 and "RANK" not in os.environ:
        raise SigcleanError(f"WORLD_SIZE is {count}, but RANK is not set")
    if not 0 <= rank < max(count, 1):
        raise SigcleanError(f"RANK is {rank}, and must be less than WORLD_SIZE, which is {count}")
    return count


def _number(name: str, default: int) -> int:
    text = os.environ.get(name, "")
    if text and not text.isdecimal():
        raise SigcleanError(f"the variable {name} must be a number, not {text!r}")
    return int(text) if text else default
