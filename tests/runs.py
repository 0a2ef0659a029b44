"""The data of a run, and a run that is built but not trained yet, for tests of its steps."""

from __future__ import annotations

from sigclean.training.accelerator import make_accelerator
from sigclean.training.building import Blueprint, build
from sigclean.training.data.domains import Domains
from sigclean.training.data.sources import open_sides
from sigclean.training.options import TrainConfig
from sigclean.training.run import Run
from sigclean.training.schedules import plan_steps


def build_run(config: TrainConfig, domains: Domains) -> Run:
    """Build the run that the options describe, on one process."""
    steps = plan_steps(config, domains.pictures, 1)
    return build(Blueprint.draw(config), make_accelerator(config), domains.size, steps)


def open_domains(config: TrainConfig, phase: str) -> Domains | None:
    """Open one side of the data that the options describe; there may be no `test` side."""
    return open_sides(config, test=phase != "train")[phase != "train"]
