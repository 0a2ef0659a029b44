"""Options from the command line and YAML, and the schedule that they make."""

from __future__ import annotations

import math
import subprocess
import sys
from dataclasses import fields, replace
from pathlib import Path

import pytest
import torch
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from sigclean.errors import DataError, SigcleanError
from sigclean.noise import FAMILIES
from sigclean.training.accelerator import make_accelerator
from sigclean.training.command_line import parse, read_options, write_options
from sigclean.training.options import CHOICES, TrainConfig
from sigclean.training.recipes import recipe_options
from sigclean.training.schedules import (
    Plateau,
    Timetable,
    apply_rates,
    make_schedules,
    plan_steps,
)

PROJECT = Path(__file__).parents[1]


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"init_type": "magic"}, "normal, xavier, kaiming, orthogonal"),
        ({"mixed_precision": "fp4"}, "no, fp16, bf16"),
        ({"direction": "AtoC"}, "AtoB, BtoA, not 'AtoC'"),
        ({"gan_mode": "magic"}, "lsgan, vanilla, wgangp, hinge"),
        ({"batch_size": 0}, "--batch_size must be at least 1, not 0"),
        ({"logging_steps": 0}, "--logging_steps must be at least 1"),
        ({"lr": 0.0}, "--lr must be above 0"),
        ({"lr": -1e-4}, "--lr must be at least 0, not -0.0001"),
        ({"lr": math.nan}, "--lr must be at least 0, not nan"),
        ({"lambda_A": -1.0}, "--lambda_A must be at least 0"),
        ({"ema_decay": 1.0}, "--ema_decay must be below 1"),
        ({"unpaired_share": 1.5}, "--unpaired_share must be at most 1"),
        ({"warmup_steps": 0, "n_epochs": 0, "n_epochs_decay": 0}, "nothing to train"),
        ({"dataroot": "a", "dataset": "b/c"}, "give one of them"),
        ({"freeze_norms": True}, "--freeze_norms needs --weights"),
        ({"lr_policy": "plateau", "validation_steps": 0}, "--validation_steps is 0"),
        ({"lr_policy": "plateau", "num_validation_images": 0}, "images is 0"),
        ({"gan_mode": "wgangp", "norm": "batch"}, "wgangp judges each picture by itself"),
        ({"push_to_hub": True}, "--hub_model_id user/repo"),
        ({"push_to_hub": True, "hub_model_id": "a/b/c"}, "user/repo, not 'a/b/c'"),
    ],
)
def test_values_that_cannot_be_are_refused_at_once(changes: dict, words: str) -> None:
    with pytest.raises(DataError, match=words):
        TrainConfig(**changes)


# --- the command line and YAML --------------------------------------------------------------------


def test_without_words_the_packaged_model_is_fine_tuned() -> None:
    config = parse([], None)
    assert (config.recipe, config.weights, config.lambda_paired) == ("finetune", "default", 10)
    assert config == TrainConfig(recipe="finetune", **recipe_options("finetune", {}))


def test_without_a_recipe_all_is_default() -> None:
    assert parse(["--recipe", ""], None) == TrainConfig()


def test_the_command_line_wins_over_the_file(tmp_path: Path) -> None:
    file = tmp_path / "run.yaml"
    file.write_text("lr: 1e-4\nbatch_size: 3\ncrop_size: 512\nmixed_precision: no\nno_flip: yes\n")
    config = parse(["--config", str(file), "--batch_size", "5"], None)
    assert (config.lr, config.batch_size, config.crop_size) == (1e-4, 5, "512")
    assert (config.mixed_precision, config.no_flip) == ("no", True)


def test_a_switch_of_the_file_can_be_turned_off(tmp_path: Path) -> None:
    file = tmp_path / "run.yaml"
    file.write_text("push_to_hub: true\nhub_model_id: user/repo\n")
    assert parse(["--config", str(file)], None).push_to_hub
    assert not parse(["--config", str(file), "--push_to_hub", "false"], None).push_to_hub
    assert not parse(["--channels_last", "false"], None).channels_last


TEXTS = {
    one.name: st.sampled_from(CHOICES[one.name])
    if one.name in CHOICES
    else st.text(st.characters(exclude_categories=("Cs", "Cc")), max_size=12)
    for one in fields(TrainConfig)
    if isinstance(one.default, str) and one.name not in ("hub_token", "dataset", "adapt", "recipe")
}


@settings(deadline=None)
@given(
    st.fixed_dictionaries({}, optional=TEXTS),
    st.floats(1e-12, 10),
    st.booleans(),
    st.integers(1, 10**9),
)
def test_the_file_that_is_written_gives_the_same_run(
    tmp_path_factory: pytest.TempPathFactory, texts: dict, rate: float, flag: bool, number: int
) -> None:
    assume((texts.get("gan_mode"), texts.get("norm")) != ("wgangp", "batch"))  # it is refused
    config = TrainConfig(**texts, lr=rate, channels_last=flag, validation_steps=number)
    path = tmp_path_factory.mktemp("options") / "config.yaml"
    write_options(config, path)
    assert parse(["--config", str(path)], None) == config


def test_no_secret_is_written(tmp_path: Path) -> None:
    path = tmp_path / "config.yaml"
    write_options(TrainConfig(hub_token="hf_secret"), path)
    assert "hub_token" not in path.read_text()


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ("lr: fast", "lr must be a number, not 'fast'"),
        ("batch_size: 2.5", "batch_size must be a whole number, not 2.5"),
        ("batch_size: true", "batch_size must be a whole number, not True"),
        ("no_flip: 2", "no_flip must be true or false, not 2"),
        ("dataroot: [a, b]", "dataroot must be text, not"),
        ("warm_up: 3", "unknown option 'warm_up'"),
        ("- lr", "must hold lines of the form option: value"),
        ("lr: [", "is not YAML"),
        ("\x00", "is not YAML"),
    ],
)
def test_a_file_that_cannot_be_meant_is_one_sentence(
    tmp_path: Path, content: str, words: str
) -> None:
    path = tmp_path / "run.yaml"
    path.write_text(content)
    with pytest.raises(DataError, match=words) as caught:
        read_options(path)
    assert str(caught.value).startswith(str(path))
    assert "\n" not in str(caught.value)


def test_a_file_that_is_missing_is_one_sentence(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"run\.yaml cannot be read: No such file"):
        parse(["--config", str(tmp_path / "run.yaml")], None)


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--warm_up", "3"], "unrecognized arguments: --warm_up 3"),
        (["--lr", "fast"], "argument --lr: invalid float value: 'fast'"),
        (["--no_flip", "perhaps"], "argument --no_flip: must be true or false, not 'perhaps'"),
    ],
)
def test_words_that_cannot_be_meant_end_with_status_2(
    capsys: pytest.CaptureFixture[str], words: list[str], message: str
) -> None:
    with pytest.raises(SystemExit) as caught:
        parse(words, None)
    assert caught.value.code == 2
    assert capsys.readouterr().err.splitlines()[-1].endswith(message)


def test_help_shows_every_option_in_its_group(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        parse(["--help"], "Train.")
    text = capsys.readouterr().out
    for one in fields(TrainConfig):
        assert f"--{one.name} " in text
        assert f"\n{one.metadata['group']}:\n" in text


def test_the_table_of_the_docs_says_what_help_says() -> None:
    table = (PROJECT / "docs" / "training.md").read_text(encoding="utf-8").splitlines()
    for one in fields(TrainConfig):
        default = str(one.default).lower() if isinstance(one.default, bool) else str(one.default)
        shown = f"`{default}`" if default else ""
        assert f"| `--{one.name}` | {shown} | {one.metadata['help']} |" in table


def test_help_names_all_families_of_noise() -> None:
    (noise,) = (one for one in fields(TrainConfig) if one.name == "noise")
    assert ", ".join(FAMILIES) in noise.metadata["help"]


def test_help_shows_commands_that_can_be_copied() -> None:
    result = subprocess.run(
        [sys.executable, "train.py", "--help"], cwd=PROJECT, capture_output=True, text=True
    )
    assert "--machine_rank 0 \\\n" in result.stdout


# --- the length and the rates ---------------------------------------------------------------------


def test_an_epoch_is_one_pass_over_b_by_all_processes() -> None:
    config = TrainConfig(
        batch_size=3, gradient_accumulation_steps=2, warmup_steps=7, n_epochs=4, n_epochs_decay=1
    )
    assert plan_steps(config, 25, processes=2) == Timetable(warmup=7, end=7 + 5 * 3, epoch=3)


def test_a_stream_of_unknown_length_needs_one_to_be_said() -> None:
    with pytest.raises(DataError, match="say --max_train_steps"):
        plan_steps(TrainConfig(), None, processes=1)
    config = TrainConfig(max_train_steps=30, warmup_steps=10)
    assert plan_steps(config, None, processes=1) == Timetable(warmup=10, end=30, epoch=20)


def test_a_warm_up_ends_with_the_run() -> None:
    config = TrainConfig(max_train_steps=30, warmup_steps=50)
    assert plan_steps(config, 100, processes=1) == Timetable(warmup=30, end=30, epoch=100)


def rates(config: TrainConfig, name: str, steps: int, epoch: int) -> list[float]:
    optimizers = {
        one: torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], lr=1.0)
        for one in ("warmup", "G", "D")
    }
    schedule = make_schedules(config, optimizers, plan_steps(config, epoch, 1))[name]
    found = []
    for _ in range(steps):
        found.append(schedule.get_last_lr()[0])
        optimizers[name].step()
        schedule.step()
    return found


def test_linear_is_constant_then_falls_to_nothing() -> None:
    for name in ("G", "D"):
        found = rates(TrainConfig(n_epochs=2, n_epochs_decay=2), name, 40, epoch=10)
        assert found[:21] == [1.0] * 21
        assert found[20:] == pytest.approx([1 - i / 21 for i in range(20)])


def test_step_falls_to_a_tenth_every_so_many_epochs() -> None:
    config = TrainConfig(lr_policy="step", lr_decay_iters=2, n_epochs=3, n_epochs_decay=3)
    found = rates(config, "G", 12, epoch=2)
    assert found == pytest.approx([1.0] * 4 + [0.1] * 4 + [0.01] * 4)


def test_cosine_falls_over_the_whole_run() -> None:
    config = TrainConfig(lr_policy="cosine", n_epochs=2, n_epochs_decay=2)
    found = rates(config, "G", 9, epoch=2)
    assert found[0] == 1.0
    assert found[4] == pytest.approx(0.5)
    assert found[8] == pytest.approx(0.0)


def test_a_run_may_begin_at_a_later_epoch() -> None:
    whole = TrainConfig(n_epochs=2, n_epochs_decay=2)
    late = TrainConfig(n_epochs=2, n_epochs_decay=2, epoch_count=3)
    assert plan_steps(late, 5, processes=1).end == 10
    assert rates(late, "G", 10, epoch=5) == pytest.approx(rates(whole, "G", 20, epoch=5)[10:])
    with pytest.raises(DataError, match="--epoch_count 5: there are only 4 epochs"):
        plan_steps(TrainConfig(n_epochs=2, n_epochs_decay=2, epoch_count=5), 5, processes=1)


def test_plateau_falls_to_a_fifth_when_the_figure_stops_rising() -> None:
    optimizer = torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], lr=1.0)
    plateau = Plateau(optimizer)
    for figure in (50.0, 60.0, *[60.0] * 5):
        plateau.watch(figure)
    assert plateau.get_last_lr() == [1.0]
    resumed = Plateau(torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], lr=1.0))
    resumed.load_state_dict(plateau.state_dict())
    for one in (plateau, resumed):
        one.watch(60.0)
        one.step()
        assert one.get_last_lr() == pytest.approx([0.2])


def test_the_warm_ups_rate_rises_for_a_fifth_and_falls_to_a_hundredth() -> None:
    found = rates(TrainConfig(warmup_steps=100), "warmup", 101, epoch=10)
    top = found.index(max(found))
    assert 15 <= top <= 20
    assert found[:top] == sorted(found[:top])
    assert found[top:] == sorted(found[top:], reverse=True)
    assert found[-1] == pytest.approx(0.01)


def test_a_run_that_is_resumed_takes_the_rate_that_it_is_given() -> None:
    parameter = torch.nn.Parameter(torch.zeros(1))
    for policy, before in (("linear", 0.5), ("plateau", 1.0)):
        config = TrainConfig(n_epochs=0, n_epochs_decay=1, lr=1.0, lr_policy=policy)
        optimizers = {name: torch.optim.Adam([parameter], lr=1.0) for name in ("warmup", "G", "D")}
        schedules = make_schedules(config, optimizers, plan_steps(config, 9, 1))
        for _ in range(5):
            optimizers["G"].step()
            schedules["G"].step()
        apply_rates(config, optimizers, schedules)
        assert schedules["G"].get_last_lr() == pytest.approx([before]), "the same rate: no change"
        apply_rates(replace(config, lr=0.1, beta1=0.7), optimizers, schedules)
        group = optimizers["G"].param_groups[0]
        assert group["lr"] == pytest.approx(before / 10)
        assert group["betas"][0] == 0.7


@pytest.mark.parametrize(
    ("variables", "said"),
    [
        ({"WORLD_SIZE": "2"}, "WORLD_SIZE is 2, but RANK is not set"),
        ({"WORLD_SIZE": "2", "RANK": "2"}, "RANK is 2, and must be less than WORLD_SIZE"),
        ({"WORLD_SIZE": "two", "RANK": "0"}, "WORLD_SIZE must be a number, not 'two'"),
    ],
)
def test_variables_of_a_launcher_that_contradict_each_other_are_one_sentence(
    variables: dict[str, str], said: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("RANK", "WORLD_SIZE"):
        monkeypatch.delenv(name, raising=False)
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    with pytest.raises(SigcleanError, match=said):
        make_accelerator(TrainConfig())
