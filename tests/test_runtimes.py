"""Runtimes: the same results from each, the choice among them, and clear refusals."""

from __future__ import annotations

import shutil
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from sigclean import SignatureCleaner
from sigclean.drawn import draw_signature
from sigclean.errors import SigcleanError, WeightsError
from sigclean.export.onnx import write_onnx
from sigclean.processes.hardware import cpu_has_bfloat16
from sigclean.runtimes.choose import load_runtime

ENGINES = ("onnx", "openvino")


@pytest.fixture(scope="module")
def with_onnx(eraser_weights: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The small eraser with a model.onnx, in a folder that tests must leave as it is."""
    folder = tmp_path_factory.mktemp("onnx") / "weights"
    shutil.copytree(eraser_weights, folder)
    write_onnx(folder)
    return folder


def picture(width: int = 300, height: int = 100) -> Image.Image:
    """A drawn signature."""
    return draw_signature(np.random.default_rng(4), width, height)


def keep(weights: Path | None, runtime: str, image: Image.Image) -> np.ndarray:
    """The keep map that a runtime makes."""
    cleaner = SignatureCleaner.from_pretrained(weights, runtime=runtime, device="cpu")
    return np.asarray(cleaner.keep_map(image)).astype(int)


@pytest.mark.parametrize("runtime", ENGINES)
@pytest.mark.parametrize("size", [(300, 100), (100, 300), (250, 240)])
def test_runtimes_agree_with_pytorch(with_onnx: Path, runtime: str, size: tuple[int, int]) -> None:
    image = picture(*size)
    apart = np.abs(keep(with_onnx, runtime, image) - keep(with_onnx, "torch", image))
    rounding = 12 if runtime == "openvino" and cpu_has_bfloat16() else 1  # of 255
    assert apart.max() <= rounding


@pytest.mark.parametrize("runtime", ENGINES)
def test_the_packaged_model_is_served_without_pytorch(runtime: str) -> None:
    image = picture(512, 171)
    apart = np.abs(keep(None, runtime, image) - keep(None, "torch", image))
    assert apart.mean() < 0.1


@pytest.mark.parametrize("runtime", ENGINES)
def test_threads_that_call_at_once_get_what_one_gets(runtime: str) -> None:
    pictures = [picture(300 + 40 * i, 100) for i in range(6)]
    one, two = (
        SignatureCleaner.from_pretrained(runtime=runtime, device="cpu", threads=1, workers=workers)
        for workers in (1, 2)
    )
    with ThreadPoolExecutor(2) as threads:
        at_once = list(threads.map(two.keep_map, pictures))
    assert all(
        np.array_equal(together, one.keep_map(image))
        for together, image in zip(at_once, pictures, strict=True)
    )


@pytest.mark.parametrize("runtime", ["onnx", "torch"])
def test_weights_of_version_0_1_paint_the_same_pictures(runtime: str) -> None:
    made = Path(__file__).parent / "data" / "made_by_0_1"
    cleaner = SignatureCleaner.from_pretrained(
        made / "hub_repository", runtime=runtime, device="cpu"
    )
    for name in ("a.png", "b.png"):
        ours = np.asarray(cleaner(made / "scans" / name, raw=True)).astype(int)
        assert np.abs(ours - np.asarray(Image.open(made / "painted" / name))).max() <= 1


@pytest.mark.parametrize("runtime", ENGINES)
def test_many_are_equal_to_one_by_one(with_onnx: Path, runtime: str) -> None:
    cleaner = SignatureCleaner.from_pretrained(with_onnx, runtime=runtime, device="cpu")
    images = [picture(300, 100), picture(100, 300), picture(300, 100).rotate(180), picture(90, 90)]
    for alone, together in zip(map(cleaner, images), cleaner(images), strict=True):
        np.testing.assert_array_equal(alone, together)


@pytest.mark.parametrize("runtime", ENGINES)
def test_raw_is_the_picture_that_the_keep_map_stands_for(with_onnx: Path, runtime: str) -> None:
    image = picture(256, 96)
    cleaners = [
        SignatureCleaner.from_pretrained(with_onnx, runtime=name, device="cpu")
        for name in (runtime, "torch")
    ]
    ours, expected = (np.asarray(cleaner(image, raw=True)).astype(int) for cleaner in cleaners)
    assert np.abs(ours - expected).max() <= 12


def test_cleaning_with_onnxruntime_imports_neither_torch_nor_the_hub() -> None:
    script = (
        "import sys; from sigclean import SignatureCleaner; from PIL import Image\n"
        "SignatureCleaner.from_pretrained(runtime='onnx')(Image.new('RGB', (90, 60), 'white'))\n"
        "print([name for name in ('torch', 'huggingface_hub', 'onnx') if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True)
    assert done.stdout.strip() == "[]", done.stderr


def test_an_onnx_file_of_its_own_needs_no_folder(with_onnx: Path, tmp_path: Path) -> None:
    file = write_onnx(with_onnx, tmp_path / "alone.onnx").path
    cleaner = SignatureCleaner.from_pretrained(file, runtime="onnx")
    image = picture()
    expected = SignatureCleaner.from_pretrained(with_onnx, runtime="onnx")(image)
    np.testing.assert_array_equal(cleaner(image), expected)


@pytest.mark.parametrize("runtime", ENGINES)
def test_files_may_be_links_as_in_the_cache_of_the_hub(
    with_onnx: Path, tmp_path: Path, runtime: str
) -> None:
    blobs, snapshot = tmp_path / "blobs", tmp_path / "snapshot"
    blobs.mkdir()
    snapshot.mkdir()
    for number, file in enumerate(sorted(with_onnx.iterdir())):
        shutil.copy(file, blobs / str(number))
        (snapshot / file.name).symlink_to(blobs / str(number))
    np.testing.assert_array_equal(
        keep(snapshot, runtime, picture()), keep(with_onnx, runtime, picture())
    )


# --- refusals ----------------------------------------------------------------------------------


def test_a_folder_without_onnx_says_how_to_make_it(eraser_weights: Path) -> None:
    with pytest.raises(WeightsError, match="sigclean export --onnx"):
        load_runtime(eraser_weights, "onnx")


@pytest.mark.parametrize("runtime", ENGINES)
def test_weights_that_changed_are_noticed(with_onnx: Path, tmp_path: Path, runtime: str) -> None:
    folder = tmp_path / "weights"
    shutil.copytree(with_onnx, folder)
    weights = bytearray((folder / "model.safetensors").read_bytes())
    weights[-1] ^= 1
    (folder / "model.safetensors").write_bytes(weights)
    with pytest.raises(WeightsError, match="made from other weights"):
        load_runtime(folder, runtime)


@pytest.mark.parametrize("runtime", ENGINES)
@pytest.mark.parametrize("content", [b"", b"not onnx", None])
def test_broken_files_are_named(
    with_onnx: Path, tmp_path: Path, runtime: str, content: bytes | None
) -> None:
    whole = (with_onnx / "model.onnx").read_bytes()
    file = tmp_path / "model.onnx"
    file.write_bytes(whole[: len(whole) // 2] if content is None else content)
    with pytest.raises(WeightsError, match=r"model\.onnx"):
        load_runtime(file, runtime)


@pytest.mark.parametrize("runtime", ENGINES)
def test_an_onnx_file_of_others_is_refused(tmp_path: Path, runtime: str) -> None:
    from onnx import TensorProto, helper, save

    value = helper.make_tensor_value_info("noisy", TensorProto.FLOAT, [1, 3, 8, 8])
    out = helper.make_tensor_value_info("clean", TensorProto.FLOAT, [1, 3, 8, 8])
    graph = helper.make_graph(
        [helper.make_node("Relu", ["noisy"], ["clean"])], "other", [value], [out]
    )
    opset = helper.make_opsetid("", 18)
    save(helper.make_model(graph, opset_imports=[opset], ir_version=9), tmp_path / "other.onnx")
    with pytest.raises(WeightsError, match="not one of sigclean's"):
        load_runtime(tmp_path / "other.onnx", runtime)


@pytest.mark.parametrize("device", ["cuda", "coreml", "directml"])
def test_a_provider_that_is_absent_is_an_error(with_onnx: Path, device: str) -> None:
    import onnxruntime

    present = " ".join(onnxruntime.get_available_providers()).lower()
    if {"directml": "dml"}.get(device, device) in present:
        pytest.skip("there is such a provider here")
    with pytest.raises(SigcleanError, match=device):
        load_runtime(with_onnx, "onnx", device)


def test_an_onnx_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(WeightsError, match=r"none\.onnx does not exist"):
        SignatureCleaner.from_pretrained(tmp_path / "none.onnx")


def test_pytorch_takes_no_onnx_file(with_onnx: Path) -> None:
    with pytest.raises(WeightsError, match="torch takes weights folders"):
        load_runtime(with_onnx / "model.onnx", "torch")


def test_a_signal_after_models_of_openvino_were_dropped_is_harmless() -> None:
    """The models end in the order that once restored a freed stack for signals."""
    script = (
        "import gc, os, signal\n"
        "from sigclean import SignatureCleaner\n"
        "load = lambda: SignatureCleaner.from_pretrained(runtime='openvino')\n"
        "models = [load(), load()]\n"
        "while models: models.pop(0); gc.collect()\n"
        "signal.signal(signal.SIGTERM, lambda *_: print('heard'))\n"
        "os.kill(os.getpid(), signal.SIGTERM)"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True)
    assert (done.returncode, done.stdout.strip()) == (0, "heard"), done.stderr


def test_the_first_pictures_of_two_threads_do_not_wait_for_each_other_forever() -> None:
    pytest.importorskip("openvino")
    script = (
        "import threading, numpy as np\n"
        "from sigclean.model_files.names import DEFAULT_WEIGHTS\n"
        "from sigclean.runtimes.choose import load_runtime\n"
        "runtime, _ = load_runtime(DEFAULT_WEIGHTS, 'openvino', workers=2)\n"
        "together = threading.Barrier(2)\n"
        "def first():\n"
        "    together.wait()\n"
        "    runtime.keep(np.zeros((1, 3, 128, 128), np.float32))\n"
        "threads = [threading.Thread(target=first) for _ in range(2)]\n"
        "[thread.start() for thread in threads]\n"
        "[thread.join() for thread in threads]\n"
    )
    for _ in range(4):  # each hung three times in four
        subprocess.run([sys.executable, "-c", script], check=True, timeout=60)
