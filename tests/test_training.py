"""Training from its options to a cleaner, resumed, on two processes, and refused where it must be.

The data are drawn signatures in squares of 64 pixels, the networks as small as they come.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from functools import partial
from pathlib import Path

import pytest
import torch
from PIL import Image
from runs import build_run
from safetensors.torch import load_file
from torch import Tensor
from torchrun import TORCHRUN

from sigclean import SignatureCleaner
from sigclean.corpus.prepare import Recipe, prepare
from sigclean.corpus.signatures import Source
from sigclean.errors import DataError, SigcleanError
from sigclean.model_files.weights_folder import read_folder
from sigclean.noise import Material
from sigclean.training import loop
from sigclean.training.checkpoints import checkpoints
from sigclean.training.command_line import parse
from sigclean.training.data.domains import Domains, Pairs, Pictures
from sigclean.training.data.openers import open_one
from sigclean.training.options import TrainConfig
from sigclean.training.steps import train_step

PROJECT = Path(__file__).parents[1]
train = partial(loop.train, card=PROJECT / "model_card.md")


@pytest.fixture(scope="module")
def dataset(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Drawn signatures under the original recipe's noise, and some without a truth in B."""
    root = tmp_path_factory.mktemp("data") / "set"
    recipe = Recipe(("seed",), size=64, test_fraction=0.3)
    prepare(None, root, recipe, drawn=14, material=Material())
    for path in sorted((root / "trainB").iterdir())[:2]:
        shutil.copy(path, path.with_name(f"real-{path.name}"))
    return root


@pytest.fixture(scope="module")
def options(dataset: Path) -> TrainConfig:
    """Six steps: three of warm-up, three of CycleGAN."""
    return TrainConfig(
        dataroot=str(dataset), crop_size="64", batch_size=2, dataloader_num_workers=0,
        netG_A="resnet_6blocks", ngf_A=2, ndf=2, warmup_steps=3, max_train_steps=6,
        lambda_paired=1.0, pool_size=3, logging_steps=1, checkpointing_steps=2,
        checkpoints_total_limit=0, validation_steps=3, num_validation_images=2, seed=5,
        hub_onnx=False,
    )  # fmt: skip


@pytest.fixture(scope="module")
def finished(options: TrainConfig, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a run that went through without a stop."""
    folder = tmp_path_factory.mktemp("run") / "whole"
    assert train(replace(options, output_dir=str(folder))).cleaner == folder / "G_B"
    return folder


def arguments(config: TrainConfig) -> list[str]:
    """A config as a command line."""
    found = ["--recipe", config.recipe]
    for name, value in config.public().items():
        if name == "recipe":
            continue
        if value is True:
            found.append(f"--{name}")
        elif value != "" and value is not False:
            found += [f"--{name}", str(value)]
    return found


def script(*words: object, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [*map(str, words)], cwd=PROJECT, capture_output=True, text=True, timeout=600,
        env={**os.environ, "OMP_NUM_THREADS": "1", **environment},
    )  # fmt: skip


def log(folder: Path) -> list[dict[str, float]]:
    return [json.loads(line) for line in (folder / "log.jsonl").read_text().splitlines()]


def weights(folder: Path, name: str = "G_B") -> dict[str, Tensor]:
    return load_file(folder / name / "model.safetensors")


def assert_equal_weights(one: dict[str, Tensor], other: dict[str, Tensor]) -> None:
    assert one.keys() == other.keys()
    assert all(torch.equal(one[key], other[key]) for key in one)


# --- a whole run --------------------------------------------------------------------------------


def test_the_result_is_a_weights_folder_that_cleans(finished: Path) -> None:
    cleaner = SignatureCleaner.from_pretrained(finished / "G_B")
    assert cleaner(Image.new("RGB", (90, 40), "white")).size == (90, 40)
    _, config = read_folder(finished / "G_B")
    assert (config.generator, config.size) == ("eraser", 64)
    assert read_folder(finished / "G_A")[1].arguments["ngf"] == 2


def test_the_log_holds_the_losses_of_each_stage_and_the_figures_on_held_out_pairs(
    finished: Path,
) -> None:
    lines = log(finished)
    losses = {line["step"]: line.keys() for line in lines if "f" not in line}
    assert losses[1] == losses[3] == {"step", "paired", "lr_warmup"}
    assert losses[4] == losses[6] == {
        "step", "paired", "G_A", "G_B", "cycle_A", "cycle_B", "idt_A", "idt_B", "D_A", "D_B",
        "lr_G", "lr_D",
    }  # fmt: skip
    figures = [line for line in lines if "f" in line]
    assert [line["step"] for line in figures] == [3, 6]
    assert all(0 <= line[name] <= 100 for line in figures for name in ("f", "recall", "precision"))
    assert Image.open(finished / "samples" / "00000006.png").width > 2 * 64


def test_the_run_folder_says_how_it_was_made(finished: Path, options: TrainConfig) -> None:
    written = parse(["--config", str(finished / "config.yaml")], None)
    assert written == replace(options, output_dir=str(finished))


def test_no_secret_is_written(options: TrainConfig, tmp_path: Path) -> None:
    config = replace(options, output_dir=str(tmp_path), max_train_steps=1, hub_token="hf_secret")
    train(config)
    for path in tmp_path.rglob("*"):
        assert path.is_dir() or b"hf_secret" not in path.read_bytes()


def test_only_the_newest_checkpoints_are_kept(options: TrainConfig, tmp_path: Path) -> None:
    train(replace(options, output_dir=str(tmp_path), checkpointing_steps=1, max_train_steps=3,
                  checkpoints_total_limit=2))  # fmt: skip
    assert [path.name for path in checkpoints(tmp_path)] == ["checkpoint-2", "checkpoint-3"]
    assert not [path for path in tmp_path.iterdir() if path.name.startswith(".")]


# --- the cleaner as ONNX ------------------------------------------------------------------------

WITHOUT_TORCH = """
import sys
sys.modules["torch"] = None
from sigclean.cli import main
sys.exit(main(sys.argv[1:]))
"""


def test_at_its_end_a_run_leaves_a_cleaner_that_serves_without_torch(
    options: TrainConfig, noisy_file: Path, tmp_path: Path
) -> None:
    run, out = tmp_path / "run", tmp_path / "out.png"
    train(replace(options, output_dir=str(run), max_train_steps=1, hub_onnx=True))
    words = ("clean", noisy_file, "-o", out, "--weights", run / "G_B")
    result = script(sys.executable, "-c", WITHOUT_TORCH, *words)
    assert result.returncode == 0, result.stderr
    assert Image.open(out).size == Image.open(noisy_file).size


def test_an_export_that_fails_is_a_line_and_not_the_end_of_the_run(
    options: TrainConfig,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    def fail(folder: Path) -> None:
        raise RuntimeError("no such operator\nat all")

    monkeypatch.setattr("sigclean.export.onnx.write_onnx", fail)
    outcome = train(replace(options, output_dir=str(tmp_path), max_train_steps=1, hub_onnx=True))
    assert outcome.stopped is None
    read_folder(outcome.cleaner)
    assert capsys.readouterr().err.splitlines()[-1] == (
        f"train.py: warning: {tmp_path / 'G_B'} has no model.onnx: no such operator\\nat all"
    )


def test_weights_are_resolved_once(
    options: TrainConfig, eraser_weights: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    sources = []

    def resolve(source: str, **options: object) -> Path:
        sources.append(source)
        return eraser_weights

    monkeypatch.setattr("sigclean.training.building.resolve_weights", resolve)
    train(replace(options, weights="user/repo", output_dir=str(tmp_path), max_train_steps=1))
    assert sources == ["user/repo"]


# --- resuming -------------------------------------------------------------------------------------


@pytest.mark.parametrize("after", [2, 4], ids=["in the warm-up", "in the adversarial stage"])
def test_a_resumed_run_equals_one_without_a_stop(
    finished: Path, options: TrainConfig, tmp_path: Path, after: int
) -> None:
    shutil.copytree(finished / f"checkpoint-{after}", tmp_path / f"checkpoint-{after}")
    config = replace(options, output_dir=str(tmp_path), resume_from_checkpoint="latest")
    train(replace(config, dataloader_num_workers=1))  # which reads the same pictures
    assert_equal_weights(weights(tmp_path), weights(finished))
    assert_equal_weights(weights(tmp_path, "G_A"), weights(finished, "G_A"))
    assert log(tmp_path) == [line for line in log(finished) if line["step"] > after]


def test_a_finished_run_that_is_resumed_is_left_as_it_is(
    finished: Path, options: TrainConfig
) -> None:
    before = weights(finished)
    train(replace(options, output_dir=str(finished), resume_from_checkpoint="latest"))
    assert_equal_weights(weights(finished), before)
    assert len([line for line in log(finished) if line["step"] == 6]) == 2


def test_a_run_that_version_0_1_began_is_resumed(tmp_path: Path) -> None:
    """The result is close to what version 0.1 made of it, and need not be equal.

    Processors differ in how they order sums, and Adam turns a gradient near zero into a step of
    full length, whatever its sign: two runs may part by twice the learning rate (2e-4) at each of
    the three steps, of which the average takes up a part.
    """
    made = PROJECT / "tests" / "data" / "made_by_0_1"
    shutil.copytree(made / "run", tmp_path / "run")
    words = ["--config", str(made / "run" / "config.yaml"), "--output_dir", str(tmp_path / "run"),
             "--resume_from_checkpoint", "latest", "--max_train_steps", "6",
             "--hub_onnx", "false"]  # fmt: skip
    train(parse(words, None))
    before, expected = weights(made / "run"), load_file(made / "resumed-G_B.safetensors")
    for key, found in weights(tmp_path / "run").items():
        assert (found - expected[key]).abs().max() < 1e-3, key
    assert any(not torch.equal(before[key], one) for key, one in expected.items())


def test_a_new_run_does_not_replace_an_earlier_one(finished: Path, options: TrainConfig) -> None:
    with pytest.raises(DataError, match="--resume_from_checkpoint latest"):
        train(replace(options, output_dir=str(finished)))


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"resume_from_checkpoint": "checkpoint-99"}, "checkpoint-99 is not a checkpoint"),
        ({"resume_from_checkpoint": "latest", "ndf": 4}, "--ndf 2, not 4"),
        (
            {"resume_from_checkpoint": "latest", "netG": "resnet_6blocks"},
            "--netG eraser, not resnet",
        ),
    ],
)
def test_a_checkpoint_that_is_missing_or_does_not_fit_is_an_error(
    finished: Path, options: TrainConfig, changes: dict, words: str
) -> None:
    with pytest.raises(SigcleanError, match=words):
        train(replace(options, output_dir=str(finished), **changes))


# --- refused before anything is read or written --------------------------------------------------


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"netG": "magic"}, "unknown generator 'magic'"),
        ({"netG_A": "magic"}, "unknown generator 'magic'"),
        ({"netD": "magic"}, "unknown discriminator 'magic'"),
        ({"crop_size": "big"}, "--crop_size must be like"),
        ({"crop_size": "48"}, "48 pixels does not fit"),
        ({"netG_A": "unet_128"}, "64 pixels does not fit"),
        ({"netG": "resnet_6blocks", "crop_size": "16"}, "too small for the discriminator basic"),
        ({"resume_from_checkpoint": "latest"}, "no checkpoint to resume from"),
    ],
)
def test_a_choice_that_cannot_be_is_one_sentence_before_data_is_touched(
    options: TrainConfig, tmp_path: Path, changes: dict, words: str
) -> None:
    config = replace(options, dataroot="", output_dir=str(tmp_path / "run"))
    with pytest.raises(SigcleanError, match=words) as caught:
        train(replace(config, **changes))
    assert "\n" not in str(caught.value)
    assert not (tmp_path / "run").exists()


def test_a_data_set_that_cannot_be_used_is_an_error(
    options: TrainConfig, dataset: Path, tmp_path: Path
) -> None:
    run = tmp_path / "run"
    with pytest.raises(DataError, match="nowhere does not exist"):
        train(replace(options, dataroot=str(tmp_path / "nowhere"), output_dir=str(run)))
    shutil.copytree(dataset / "trainA", tmp_path / "half" / "trainA")
    (tmp_path / "half" / "trainB").mkdir()
    with pytest.raises(DataError, match="trainB holds no pictures"):
        train(replace(options, dataroot=str(tmp_path / "half"), output_dir=str(run)))
    with pytest.raises(DataError, match="crop_size 128x128 does not fit in pictures of 64x64"):
        train(replace(options, crop_size="128", output_dir=str(run)))
    assert not run.exists()


def test_non_finite_losses_end_the_run_before_it_saves(
    options: TrainConfig, tmp_path: Path
) -> None:
    config = replace(options, output_dir=str(tmp_path), warmup_steps=0, lr=1e30, max_train_steps=4)
    with pytest.raises(SigcleanError, match="a lower --lr than 1e"):
        train(replace(config, checkpointing_steps=4, logging_steps=3))
    assert not checkpoints(tmp_path)
    read_folder(tmp_path / "G_B")  # as the run began: it refuses non-finite weights


# --- steps and rates ----------------------------------------------------------------------------


def domains(pictures: int) -> Domains:
    sources = [Source(f"drawn-{i}", i) for i in range(pictures)]
    empty = Pictures((), open_one, 64)
    return Domains(empty, Pairs((), open_one, 64), Pictures(sources, open_one, 64), size=64)


def batches_of(pictures: dict[str, Tensor], size: int) -> Iterator[dict[str, Tensor]]:
    for start in range(0, 4, size):
        yield {name: one[start : start + size] for name, one in pictures.items()}


def test_accumulated_batches_train_as_one_that_is_as_large(options: TrainConfig) -> None:
    pictures = {name: torch.rand(4, 3, 32, 32) * 2 - 1 for name in ("real_A", "real_B", "truth")}
    pictures["paired"] = torch.zeros(4)
    trained = []
    for size, accumulated in ((4, 1), (2, 2), (1, 4)):
        config = replace(
            options, crop_size="32", netG="resnet_6blocks", ngf=2, batch_size=size, warmup_steps=0,
            gradient_accumulation_steps=accumulated, lambda_paired=0.0, pool_size=50,
            init_type="kaiming",
        )  # fmt: skip
        torch.manual_seed(1)
        run = build_run(config, domains(20))
        train_step(run, batches_of(pictures, size), warmup=False)
        assert run.schedules["G"].last_epoch == run.schedules["D"].last_epoch == 1
        nets = (run.nets.G_A, run.nets.G_B, run.nets.D_A, run.nets.D_B)
        trained.append(torch.cat([p.detach().flatten() for n in nets for p in n.parameters()]))
    for other in trained[1:]:
        # Adam's first step is the gradient's sign: where that is nothing but rounding it may turn.
        assert ((other - trained[0]).abs() > 1e-5).float().mean() < 0.02


# --- as a command -------------------------------------------------------------------------------


@pytest.mark.slow
def test_without_data_it_draws_its_own(options: TrainConfig, tmp_path: Path) -> None:
    config = replace(options, dataroot="", drawn=4, output_dir=str(tmp_path / "run"),
                     max_train_steps=1, validation_steps=0)  # fmt: skip
    result = script(sys.executable, "train.py", *arguments(config))
    assert (result.returncode, result.stdout) == (0, f"{tmp_path / 'run' / 'G_B'}\n")
    assert result.stderr == "train.py: 1 process on cpu, 2 pictures a step, step 0 of 1\n"
    read_folder(tmp_path / "run" / "G_B")


@pytest.mark.slow
def test_accelerate_launch_on_the_cpu_says_that_it_is_one_process(
    options: TrainConfig, tmp_path: Path
) -> None:
    """accelerate 1.15 starts one, whatever --num_processes is."""
    launch = ("accelerate.commands.accelerate_cli", "launch", "--cpu", "--num_processes", 2)
    config = replace(options, output_dir=str(tmp_path / "run"), max_train_steps=1)
    result = script(sys.executable, "-m", *launch, "train.py", *arguments(config))
    assert (result.returncode, result.stdout) == (0, f"{tmp_path / 'run' / 'G_B'}\n")
    assert "train.py: 1 process on cpu, 2 pictures a step" in result.stderr


def launch_two(config: TrainConfig) -> subprocess.CompletedProcess[str]:
    return script(*TORCHRUN, "train.py", *arguments(config))


@pytest.mark.slow
def test_two_processes_train_one_model_and_resume_it(
    options: TrainConfig, finished: Path, tmp_path: Path
) -> None:
    whole, resumed = tmp_path / "whole", tmp_path / "resumed"
    result = launch_two(replace(options, output_dir=str(whole)))
    assert result.returncode == 0, result.stderr
    assert result.stdout == f"{whole / 'G_B'}\n", "only the main process reports"
    assert "train.py: 2 processes on cpu, 4 pictures a step, step 0 of 6" in result.stderr
    assert [line["step"] for line in log(whole)] == [line["step"] for line in log(finished)]
    newest = checkpoints(whole)[-1]
    assert json.loads((newest / "state.json").read_text())["processes"] == 2
    for name in ("G_A", "G_B", "D_A", "D_B"):
        assert not [key for key in load_file(newest / f"{name}.safetensors") if "module." in key]
    read_folder(whole / "G_B")
    more = [not torch.equal(one, weights(finished)[key]) for key, one in weights(whole).items()]
    assert any(more), "twice as many pictures were seen"

    shutil.copytree(whole / "checkpoint-4", resumed / "checkpoint-4")
    config = replace(options, output_dir=str(resumed), resume_from_checkpoint="latest")
    with pytest.raises(DataError, match="trained on 4 pictures a step, not 2"):
        train(config)
    result = launch_two(config)
    assert result.returncode == 0, result.stderr
    assert_equal_weights(weights(resumed), weights(whole))
    assert_equal_weights(weights(resumed, "G_A"), weights(whole, "G_A"))


def test_mistakes_are_one_sentence(options: TrainConfig, tmp_path: Path) -> None:
    config = replace(options, output_dir=str(tmp_path / "run"), dataroot=str(tmp_path))
    result = script(sys.executable, "train.py", *arguments(config))
    assert (result.returncode, result.stdout) == (1, "")
    assert result.stderr == f"train.py: error: {tmp_path} holds no pictures\n"
    result = script(sys.executable, "train.py", "--warm_up", 3)
    assert result.returncode == 2
    assert result.stderr.splitlines()[-1] == (
        "train.py: error: unrecognized arguments: --warm_up 3"
    )


@pytest.mark.slow
def test_mixed_precision_trains_weights_of_single_precision(
    options: TrainConfig, finished: Path, tmp_path: Path
) -> None:
    config = replace(options, output_dir=str(tmp_path), mixed_precision="bf16",
                     validation_steps=0, checkpointing_steps=9)  # fmt: skip
    result = script(sys.executable, "train.py", *arguments(config))
    assert result.returncode == 0, result.stderr
    assert {weight.dtype for weight in weights(tmp_path, "G_A").values()} == {torch.float32}
    losses, exact = (
        [line["paired"] for line in log(run) if "paired" in line] for run in (tmp_path, finished)
    )
    assert losses != exact, "it was carried out in single precision"
    assert losses == pytest.approx(exact, rel=0.05)
