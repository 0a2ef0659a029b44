"""Checkpoints: whole or not there, corrupt ones recognised, a full disk survived, state exact.

The parts are a small network, its optimizer and a pool of pictures, on one process and on two.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import textwrap
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
from accelerate import Accelerator
from safetensors.torch import load_file
from torch import nn
from torchrun import TORCHRUN

from sigclean.errors import DataError
from sigclean.training.checkpoints import NotSavedError, check, find, load, save
from sigclean.training.losses.image_pool import ImagePool
from sigclean.training.options import TrainConfig

OPTIONS = TrainConfig().public()
Parts = dict[str, Any]


@pytest.fixture
def accelerator() -> Accelerator:
    return Accelerator(cpu=True)


@pytest.fixture
def run(accelerator: Accelerator, tmp_path: Path) -> Path:
    """A run's folder with three checkpoints; the network's bias is the step."""
    for step in (100, 200, 300):
        save(accelerator, tmp_path, step, OPTIONS, parts(step), keep=0)
    return tmp_path


def parts(bias: float = 0.0) -> Parts:
    """A network that has been trained for a step, its optimizer, a pool with two pictures."""
    torch.manual_seed(1)
    network = nn.Sequential(nn.Conv2d(3, 2, 3), nn.BatchNorm2d(2))
    optimizer = torch.optim.Adam(network.parameters(), lr=0.1)
    network(torch.rand(2, 3, 8, 8)).square().sum().backward()
    optimizer.step()
    nn.init.constant_(network[0].bias, bias)
    pool = ImagePool(4, seed=7)
    pool.query(torch.rand(2, 3, 4, 4))
    return {"G_B": network, "optimizers-G": optimizer, "pools-fake_A": pool}


def bias(accelerator: Accelerator, checkpoint: Path) -> float:
    """The step that a checkpoint of the fixture `run` holds."""
    found = parts()
    load(accelerator, checkpoint, found)
    return float(found["G_B"].state_dict()["0.bias"][0])


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


# --- what is written ----------------------------------------------------------------------------


def test_a_checkpoint_has_a_file_for_each_part_and_nothing_stays_beside_it(run: Path) -> None:
    assert names(run) == ["checkpoint-100", "checkpoint-200", "checkpoint-300"]
    assert names(run / "checkpoint-300") == [
        "G_B.safetensors", "optimizers-G.pt", "pools-fake_A.pt", "state.json"
    ]  # fmt: skip


def test_its_state_says_what_made_it(run: Path) -> None:
    state = json.loads((run / "checkpoint-300" / "state.json").read_text())
    assert (state["step"], state["processes"], state["batch_size"]) == (300, 1, 1)
    assert state["options"] == OPTIONS
    assert state["torch"] == torch.__version__


def test_networks_are_stored_under_the_names_of_the_bare_ones(
    accelerator: Accelerator, tmp_path: Path
) -> None:
    wrapped = nn.DataParallel(nn.Conv2d(3, 2, 3))
    save(accelerator, tmp_path, 1, OPTIONS, {"G_B": wrapped}, keep=0)
    stored = load_file(tmp_path / "checkpoint-1" / "G_B.safetensors")
    assert stored.keys() == {"weight", "bias"}
    other = {"G_B": nn.DataParallel(nn.Conv2d(3, 2, 3))}
    load(accelerator, tmp_path / "checkpoint-1", other)
    assert torch.equal(other["G_B"].module.weight, wrapped.module.weight)


def test_what_is_loaded_continues_exactly_as_what_was_saved(
    accelerator: Accelerator, tmp_path: Path
) -> None:
    saved, loaded = parts(1.0), parts(2.0)
    loaded["pools-fake_A"].query(torch.rand(4, 3, 4, 4))
    save(accelerator, tmp_path, 7, OPTIONS, saved, keep=0)
    assert load(accelerator, tmp_path / "checkpoint-7", loaded) == 7
    torch.manual_seed(3)
    pictures = torch.rand(6, 3, 4, 4)
    results = []
    for run in (saved, loaded):
        network, optimizer, pool = run["G_B"], run["optimizers-G"], run["pools-fake_A"]
        network(pool.query(pictures)).square().sum().backward()
        optimizer.step()
        results.append([*network.state_dict().values(), pool.query(pictures)])
    for one, other in zip(*results, strict=True):
        assert torch.equal(one, other)


def test_old_checkpoints_are_removed_and_later_ones_stay(
    accelerator: Accelerator, run: Path
) -> None:
    save(accelerator, run, 250, OPTIONS, parts(), keep=2)
    assert names(run) == ["checkpoint-200", "checkpoint-250", "checkpoint-300"]


def test_one_of_the_same_number_is_replaced(accelerator: Accelerator, run: Path) -> None:
    save(accelerator, run, 200, OPTIONS, parts(222.0), keep=0)
    assert names(run) == ["checkpoint-100", "checkpoint-200", "checkpoint-300"]
    assert bias(accelerator, find(run, "checkpoint-200")) == 222


# --- which one is found -------------------------------------------------------------------------


def test_latest_is_the_one_saved_last(accelerator: Accelerator, run: Path) -> None:
    assert find(run, "latest") == run / "checkpoint-300"
    save(accelerator, run, 250, OPTIONS, parts(), keep=0)  # resumed from 200, going elsewhere
    assert find(run, "latest") == run / "checkpoint-250"


def test_a_checkpoint_is_found_by_name_and_by_path(run: Path) -> None:
    assert find(run, "checkpoint-100") == run / "checkpoint-100"
    assert find(Path("elsewhere"), str(run / "checkpoint-100")) == run / "checkpoint-100"


@pytest.mark.parametrize("wanted", ["checkpoint-150", "nowhere/checkpoint-100", "G_B", ".."])
def test_one_that_is_asked_for_and_missing_is_an_error(run: Path, wanted: str) -> None:
    (run / "G_B").mkdir()
    with pytest.raises(DataError, match=f"{wanted} is not a checkpoint"):
        find(run, wanted)


def test_a_run_without_checkpoints_cannot_be_resumed(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="holds no checkpoint to resume from"):
        find(tmp_path / "new", "latest")


def truncate(path: Path) -> None:
    os.truncate(path, 1200)


def alter(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)


DAMAGE = [
    pytest.param(truncate, "optimizers-G.pt", r"has 1200 of \d+ bytes", id="truncated"),
    pytest.param(alter, "pools-fake_A.pt", "was altered", id="altered"),
    pytest.param(Path.unlink, "G_B.safetensors", "is missing", id="missing"),
    pytest.param(truncate, "state.json", "is incomplete", id="state truncated"),
    pytest.param(Path.unlink, "state.json", "is missing", id="state missing"),
]


@pytest.mark.parametrize(("damage", "file", "words"), DAMAGE)
def test_a_corrupt_checkpoint_is_named_and_the_one_before_is_used(
    run: Path, capsys: pytest.CaptureFixture[str], damage: object, file: str, words: str
) -> None:
    damage(run / "checkpoint-300" / file)  # type: ignore[operator]
    assert find(run, "latest") == run / "checkpoint-200"
    said = capsys.readouterr().err.splitlines()
    assert len(said) == 1
    assert said[0].startswith(f"checkpoint-300 is corrupt: {file} ")
    assert said[0].endswith(": checkpoint-200 is used")
    with pytest.raises(DataError, match=f"checkpoint-300 is corrupt: {file} {words}"):
        find(run, "checkpoint-300")


def test_an_altered_step_is_recognised(run: Path) -> None:
    state = run / "checkpoint-300" / "state.json"
    state.write_text(state.read_text().replace('"step": 300', '"step": 100'))
    with pytest.raises(DataError, match=r"state\.json was altered"):
        find(run, "checkpoint-300")


def test_where_none_is_intact_all_are_named(run: Path) -> None:
    for step in (100, 200, 300):
        (run / f"checkpoint-{step}" / "G_B.safetensors").unlink()
    with pytest.raises(
        DataError, match=r"no intact checkpoint: checkpoint-300.*200.*100 is corrupt"
    ):
        find(run, "latest")


def test_a_file_that_breaks_after_it_was_found_is_an_error(
    accelerator: Accelerator, run: Path
) -> None:
    checkpoint = find(run, "latest")
    alter(checkpoint / "optimizers-G.pt")
    with pytest.raises(DataError, match=r"optimizers-G\.pt was altered"):
        load(accelerator, checkpoint, parts())


def test_parts_that_do_not_fit_are_an_error(accelerator: Accelerator, run: Path) -> None:
    checkpoint = run / "checkpoint-300"
    with pytest.raises(DataError, match=r"it holds no schedules-G\.pt"):
        load(accelerator, checkpoint, {"schedules-G": ImagePool(0)})
    with pytest.raises(DataError, match=r"cannot be resumed from: G_B\.safetensors: "):
        load(accelerator, checkpoint, {"G_B": nn.Conv2d(3, 2, 3)})


def test_single_precision_may_become_half_which_brings_a_scaler(
    accelerator: Accelerator, run: Path
) -> None:
    scaler = torch.amp.GradScaler("cpu", init_scale=64.0)
    load(accelerator, run / "checkpoint-300", {**parts(), "scaler": scaler})
    assert scaler.get_scale() == 64.0


# --- which run may resume from it ----------------------------------------------------------------


def test_a_run_of_the_same_networks_and_global_batch_may_resume(
    accelerator: Accelerator, tmp_path: Path
) -> None:
    save(accelerator, tmp_path, 1, {**OPTIONS, "batch_size": 4}, parts(), keep=0)
    check(tmp_path / "checkpoint-1", 4, {**OPTIONS, "batch_size": 2, "crop_size": "128", "lr": 1.0})


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"netG": "unet_256"}, "--netG eraser, not unet_256"),
        ({"norm": "batch"}, "--norm unset, not batch"),
        ({"dropout": True}, "--dropout false, not true"),
        ({"netD": "n_layers", "n_layers_D": 4}, "--netD basic, not n_layers"),
    ],
)
def test_other_networks_may_not(run: Path, changes: dict, words: str) -> None:
    with pytest.raises(DataError, match=f"checkpoint-300 was made with {words}$"):
        check(run / "checkpoint-300", 1, {**OPTIONS, **changes})


def test_an_option_of_another_discriminator_or_generator_does_not_matter(run: Path) -> None:
    check(run / "checkpoint-300", 1, {**OPTIONS, "n_layers_D": 5, "ngf": 32})


@pytest.mark.parametrize(
    ("processes", "batch_size", "accumulated", "words"),
    [
        (2, 1, 1, "12 pictures a step, not 2: with 2 processes, --batch_size 6 fits"),
        (1, 4, 4, "12 pictures a step, not 16: with 1 process, --batch_size 3 fits"),
        (1, 1, 5, "not 5: with 1 process, --batch_size 12 --gradient_accumulation_steps 1 fits"),
        (5, 2, 1, "with 5 processes, but with a number of them that divides 12"),
    ],
)
def test_another_global_batch_may_not_and_what_fits_is_said(
    accelerator: Accelerator, tmp_path: Path, processes: int, batch_size: int, accumulated: int,
    words: str,
) -> None:  # fmt: skip
    written = {**OPTIONS, "batch_size": 4, "gradient_accumulation_steps": 3}
    save(accelerator, tmp_path, 1, written, parts(), keep=0)
    now = {**OPTIONS, "batch_size": batch_size, "gradient_accumulation_steps": accumulated}
    with pytest.raises(DataError, match=words):
        check(tmp_path / "checkpoint-1", processes * batch_size * accumulated, now)


# --- killed, full, gone -------------------------------------------------------------------------


def test_what_a_killed_run_left_is_removed_at_the_next_start(run: Path) -> None:
    shutil.copytree(run / "checkpoint-300", run / ".checkpoint-400.draft")
    (run / "checkpoint-100").rename(run / ".checkpoint-100.pruned")
    find(run, "latest")
    assert names(run) == ["checkpoint-200", "checkpoint-300"]


def test_one_that_was_being_replaced_is_there_again_at_the_next_start(run: Path) -> None:
    (run / "checkpoint-300").rename(run / ".checkpoint-300.replaced")
    assert find(run, "latest") == run / "checkpoint-300"


def test_the_drafts_of_a_killed_run_are_removed_at_the_next_save(
    accelerator: Accelerator, run: Path
) -> None:
    shutil.copytree(run / "checkpoint-300", run / ".checkpoint-400.draft")
    save(accelerator, run, 400, OPTIONS, parts(400.0), keep=1)
    assert names(run) == ["checkpoint-400"]
    assert bias(accelerator, run / "checkpoint-400") == 400


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of one megabyte."""
    place = tmp_path / "disk"
    place.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", "size=1m", "sigclean-test", str(place)]
    if not shutil.which("mount") or subprocess.run(command, capture_output=True).returncode:
        pytest.skip("a small file system cannot be mounted here: that takes root")
    yield place
    subprocess.run(["umount", "-l", str(place)], check=True)


@pytest.mark.parametrize("size", [100, 900_000], ids=["in a network", "in a pool"])
def test_a_full_disk_loses_nothing_and_is_written_to_again_when_there_is_room(
    accelerator: Accelerator, small_disk: Path, size: int
) -> None:
    save(accelerator, small_disk, 100, OPTIONS, parts(100.0), keep=1)
    ballast = small_disk / "ballast"
    ballast.write_bytes(bytes(900_000))
    larger = {**parts(), "G_A" if size > 100 else "pools-fake_B": nn.Linear(300, 300)}
    with pytest.raises(NotSavedError, match="checkpoint-200 could not be saved: No space left"):
        save(accelerator, small_disk, 200, OPTIONS, larger, keep=1)
    assert names(small_disk) == ["ballast", "checkpoint-100"]
    assert bias(accelerator, find(small_disk, "latest")) == 100
    ballast.unlink()
    save(accelerator, small_disk, 200, OPTIONS, larger, keep=1)
    assert find(small_disk, "latest") == small_disk / "checkpoint-200"


def test_a_run_folder_that_is_gone_is_said_and_not_made_anew(
    accelerator: Accelerator, tmp_path: Path
) -> None:
    with pytest.raises(NotSavedError, match="checkpoint-1 could not be saved: No such file"):
        save(accelerator, tmp_path / "drive" / "run", 1, OPTIONS, parts(), keep=1)
    assert names(tmp_path) == []


# --- several processes --------------------------------------------------------------------------

TWO = """
    import os, sys
    from pathlib import Path
    import torch
    from accelerate import Accelerator
    from torch import nn
    from sigclean.errors import SigcleanError
    from sigclean.training.losses.image_pool import ImagePool
    from sigclean.training.checkpoints import NotSavedError, load, save
    from sigclean.training.options import TrainConfig

    accelerator = Accelerator(cpu=True)
    folder, rank = Path(sys.argv[1]), accelerator.process_index
    network = nn.Linear(4, 4)
    nn.init.constant_(network.weight, 1.0 + rank)
    pool = ImagePool(3, seed=rank)
    pool.query(torch.full((1, 3, 2, 2), 5.0 + rank))
    parts = {"G_B": network, "pools-fake_A": pool}
    options = TrainConfig(batch_size=2).public()
    save(accelerator, folder, 10, options, parts, keep=0)
    if rank:  # only the main process has the disk
        folder = Path("/nowhere/at/all")
    nn.init.zeros_(network.weight)
    assert load(accelerator, folder / "checkpoint-10", parts) == 10
    assert (network.weight == 1).all()
    assert (pool.state_dict()["images"][0] == 5).all()
    if not rank:
        folder = folder / "gone"
    try:
        save(accelerator, folder, 20, options, parts, keep=0)
    except NotSavedError:
        (Path(sys.argv[1]) / f"told-{rank}").touch()
    accelerator.end_training()
"""


@pytest.mark.slow
def test_the_main_process_alone_reads_and_writes_and_the_others_have_the_same(
    tmp_path: Path,
) -> None:
    script, folder = tmp_path / "two.py", tmp_path / "run"
    script.write_text(textwrap.dedent(TWO))
    folder.mkdir()
    subprocess.run([*TORCHRUN, str(script), str(folder)], check=True, timeout=600)
    assert names(folder) == ["checkpoint-10", "told-0", "told-1"]
    state = json.loads((folder / "checkpoint-10" / "state.json").read_text())
    assert (state["processes"], state["batch_size"]) == (2, 2)
