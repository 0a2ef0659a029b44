"""Weights folders on disk and on the Hub are read back as written; everything else is refused.

The Hub is a real HTTP server on loopback (see hub_server), its client the real one, in processes
of their own.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from hub_server import HubServer
from safetensors.torch import load_file, save_file
from torch import Tensor, nn

from sigclean.errors import SigcleanError, WeightsError
from sigclean.hub.push import push_folder
from sigclean.hub.resolve import resolve_weights
from sigclean.hub.upload import Target
from sigclean.model_files.config import ModelConfig
from sigclean.model_files.names import DEFAULT_WEIGHTS
from sigclean.model_files.storage import Storage, pack, unpack
from sigclean.model_files.weights_folder import read_folder, save_generator
from sigclean.networks.build import build_generator
from sigclean.training.options import TrainConfig

CONFIG = ModelConfig("resnet_6blocks", {"ngf": 4}, size=64)


def small_generator() -> nn.Module:
    torch.manual_seed(0)
    return build_generator("resnet_6blocks", ngf=4)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return save_generator(small_generator(), CONFIG, tmp_path / "weights", card="# A model\n")


def assert_same_weights(one: nn.Module, other: nn.Module) -> None:
    left, right = one.state_dict(), other.state_dict()
    assert list(left) == list(right)
    assert all(torch.equal(left[key], right[key]) for key in left)


def edit_config(folder: Path, **changes: object) -> None:
    path = folder / "config.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | changes))


# --- a folder, written and read -----------------------------------------------------------------


def test_saved_weights_are_loaded_again(folder: Path) -> None:
    generator, _ = read_folder(folder)
    assert_same_weights(generator, small_generator())


def test_a_loaded_generator_is_ready_to_serve(folder: Path) -> None:
    generator, _ = read_folder(folder)
    assert not generator.training
    assert {weight.dtype for weight in generator.parameters()} == {torch.float32}


def test_a_folder_holds_config_weights_and_card_and_nothing_else(folder: Path) -> None:
    assert {path.name for path in folder.iterdir()} == {
        "config.json",
        "model.safetensors",
        "README.md",
    }
    assert list(folder.parent.iterdir()) == [folder]


def test_the_config_names_every_argument_including_defaults(folder: Path) -> None:
    assert json.loads((folder / "config.json").read_text()) == {
        "generator": "resnet_6blocks",
        "arguments": {"ngf": 4, "norm": "instance", "dropout": False},
        "size": 64,
        "padding": "black",
        "channels": "rgb",
        "value_range": [-1.0, 1.0],
        "format_version": 1,
    }


def test_the_config_read_is_the_config_written(folder: Path) -> None:
    _, config = read_folder(folder)
    assert config == replace(CONFIG, arguments={"ngf": 4, "norm": "instance", "dropout": False})


def test_an_eraser_from_before_global_contexts_is_loaded_without_them(tmp_path: Path) -> None:
    shape = {"widths": [4, 6], "encoder_depths": [1, 1], "decoder_depths": [1], "context": 1}
    old = build_generator("eraser", **shape, heads=0)
    path = save_generator(old, ModelConfig("eraser", {**shape, "heads": 0}), tmp_path / "old")
    content = json.loads((path / "config.json").read_text())
    assert content["arguments"].pop("heads") == 0
    (path / "config.json").write_text(json.dumps(content))
    assert_same_weights(read_folder(path)[0], old)


def stored_as(storage: Storage, folder: Path) -> tuple[dict[str, Tensor], dict[str, Tensor]]:
    """Save a generator; return the tensors in the file, and the loaded ones."""
    generator = build_generator("resnet_6blocks", ngf=4, norm="batch")
    config = ModelConfig("resnet_6blocks", {"ngf": 4, "norm": "batch"})
    save_generator(generator, config, folder, storage=storage)
    return load_file(folder / "model.safetensors"), read_folder(folder)[0].state_dict()


def test_float16_is_stored_and_float32_loaded(tmp_path: Path) -> None:
    stored, loaded = stored_as("float16", tmp_path / "half")
    assert stored["model.1.weight"].dtype == torch.float16
    assert stored["model.2.num_batches_tracked"].dtype == torch.int64
    assert loaded["model.1.weight"].dtype == torch.float32
    assert torch.equal(loaded["model.1.weight"], stored["model.1.weight"].float())


def test_int8_is_stored_and_float32_loaded(tmp_path: Path) -> None:
    stored, loaded = stored_as("int8", tmp_path / "quarter")
    levels, scale = stored["model.1.weight"], stored["model.1.weight_scale"]
    assert (levels.dtype, int(levels.abs().amax())) == (torch.int8, 127)
    assert stored["model.2.running_var"].dtype == torch.float16
    assert loaded["model.1.weight"].dtype == torch.float32
    assert torch.equal(loaded["model.1.weight"], levels.float() * scale[:, None, None, None])


def test_int8_is_off_by_half_a_level_at_most() -> None:
    weight = torch.randn(5, 4, 3, 3, generator=torch.Generator().manual_seed(0))
    weight[2] = 0
    found = unpack(pack({"weight": weight}, "int8"))["weight"]
    most = weight.abs().amax((1, 2, 3), keepdim=True) / 127 / 2
    assert ((found - weight).abs() <= most * 1.001).all()


@pytest.mark.slow
@pytest.mark.parametrize("wrap", [nn.DataParallel, torch.compile])
def test_a_wrapped_generator_is_saved_under_bare_names(
    tmp_path: Path, wrap: Callable[[nn.Module], nn.Module]
) -> None:
    save_generator(wrap(small_generator()), CONFIG, tmp_path / "weights")
    assert_same_weights(read_folder(tmp_path / "weights")[0], small_generator())


def test_channels_last_weights_are_saved(tmp_path: Path) -> None:
    generator = small_generator().to(memory_format=torch.channels_last)
    save_generator(generator, CONFIG, tmp_path / "weights")
    assert_same_weights(read_folder(tmp_path / "weights")[0], small_generator())


@pytest.mark.skipif(os.name != "posix", reason="file modes of POSIX")
def test_weights_get_the_permissions_of_other_new_files(folder: Path) -> None:
    (folder / "other").touch()
    modes = {path.stat().st_mode for path in folder.iterdir()}
    assert modes == {(folder / "other").stat().st_mode}


def test_saving_again_keeps_a_card_that_is_there(folder: Path) -> None:
    save_generator(small_generator(), CONFIG, folder)
    assert (folder / "README.md").read_text() == "# A model\n"


@pytest.mark.parametrize("place", ["file", "file/weights"])
def test_a_folder_that_cannot_be_written_is_named(tmp_path: Path, place: str) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(WeightsError, match=f"{tmp_path / place} cannot be written"):
        save_generator(small_generator(), CONFIG, tmp_path / place)
    assert [path.name for path in tmp_path.iterdir()] == ["file"]


def test_a_generator_that_its_config_does_not_build_is_not_saved(folder: Path) -> None:
    before = (folder / "model.safetensors").read_bytes()
    with pytest.raises(WeightsError, match="not those of the resnet_9blocks"):
        save_generator(small_generator(), ModelConfig("resnet_9blocks", {"ngf": 4}), folder)
    assert (folder / "model.safetensors").read_bytes() == before
    assert list(folder.parent.iterdir()) == [folder]


# --- a folder that cannot be read ---------------------------------------------------------------


def test_weights_of_another_architecture_are_refused(folder: Path) -> None:
    edit_config(folder, generator="resnet_9blocks")
    with pytest.raises(WeightsError, match=r"model\.safetensors was made for another architecture"):
        read_folder(folder)


@pytest.mark.parametrize(
    ("change", "complaint"),
    [
        (lambda state: state.pop("model.1.bias"), "it has no model.1.bias"),
        (lambda state: state.update(extra=torch.ones(1)), "it has an additional extra"),
        (
            lambda state: state.update({"model.1.bias": torch.ones(7)}),
            "its model.1.bias is 7, not 4",
        ),
        (
            lambda state: state.update({"model.1.bias": torch.ones(4, dtype=torch.int32)}),
            "its model.1.bias is torch.int32, not torch.float32",
        ),
        (
            lambda state: state.update(pack({"model.1.weight": torch.ones(3, 2)}, "int8")),
            "its model.1.weight is 3x2, not 4x3x7x7",
        ),
        (
            lambda state: state.update(
                {
                    "model.1.weight": torch.ones(4, 3, 7, 7, dtype=torch.int8),
                    "model.1.weight_scale": torch.ones(3),
                }
            ),
            "its model.1.weight is torch.int8, not torch.float32",
        ),
        (
            lambda state: state["model.1.bias"].fill_(float("nan")),
            "its model.1.bias is not finite",
        ),
    ],
)
def test_the_tensor_that_does_not_fit_is_named(
    folder: Path, change: Callable[[dict[str, torch.Tensor]], object], complaint: str
) -> None:
    state = load_file(folder / "model.safetensors")
    change(state)
    save_file(state, folder / "model.safetensors")
    with pytest.raises(WeightsError, match=complaint):
        read_folder(folder)


@pytest.mark.parametrize("length", [0, 5, 500, -1])
def test_a_truncated_weights_file_is_refused(folder: Path, length: int) -> None:
    path = folder / "model.safetensors"
    path.write_bytes(path.read_bytes()[:length])
    with pytest.raises(WeightsError, match=r"model\.safetensors is broken"):
        read_folder(folder)


@pytest.mark.parametrize("name", ["config.json", "model.safetensors"])
def test_a_missing_file_is_named(folder: Path, name: str) -> None:
    (folder / name).unlink()
    with pytest.raises(WeightsError, match=f"no sigclean weights: {name} is missing"):
        read_folder(folder)


@pytest.mark.parametrize(
    ("changes", "complaint"),
    [
        ({"format_version": 2}, "need a newer version of sigclean"),
        ({"format_version": "one"}, "format_version is 'one', not 1"),
        ({"generator": "unet_1024"}, "unknown generator 'unet_1024'"),
        ({"generator": None}, "generator must be a name"),
        ({"arguments": {"depth": 3}}, "no argument 'depth'"),
        ({"arguments": {"ngf": "wide"}}, "cannot be built"),
        ({"arguments": [4]}, "arguments must be a table"),
        ({"size": 510}, "multiple of 4"),
        ({"size": "512"}, "size must be 1 to 4096 pixels"),
        ({"size": 10**9}, "size must be 1 to 4096 pixels"),
        ({"padding": "white"}, "padding must be 'black'"),
        ({"channels": "bgr"}, "channels must be 'rgb'"),
        ({"value_range": [0, 1]}, "value_range must be"),
    ],
)
def test_a_config_that_cannot_be_served_is_refused(
    folder: Path, changes: dict[str, object], complaint: str
) -> None:
    edit_config(folder, **changes)
    with pytest.raises(WeightsError, match=complaint) as caught:
        read_folder(folder)
    assert str(caught.value).startswith(str(folder / "config.json"))
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    "text",
    ["", "{", "[1, 2]", "{}", '{"generator": "eraser"}', pytest.param("[" * 9999, id="deep")],
)
def test_a_broken_or_incomplete_config_is_refused(folder: Path, text: str) -> None:
    (folder / "config.json").write_text(text)
    with pytest.raises(WeightsError, match=r"config\.json"):
        read_folder(folder)


def test_a_key_that_this_version_does_not_know_is_ignored(folder: Path) -> None:
    edit_config(folder, trained_by="somebody")
    read_folder(folder)


def test_a_folder_with_only_a_pth_file_points_to_convert(tmp_path: Path) -> None:
    (tmp_path / "latest_net_G_B.pth").touch()
    with pytest.raises(WeightsError, match=r"sigclean convert latest_net_G_B\.pth"):
        read_folder(tmp_path)


# --- sources of weights -------------------------------------------------------------------------


def test_no_source_is_the_packaged_folder() -> None:
    assert resolve_weights() == DEFAULT_WEIGHTS


@pytest.mark.parametrize(
    "source", ["./missing", "/missing/weights", "user/repo/", "missing", "a/b/c", "~/missing"]
)
def test_a_source_that_looks_like_a_path_is_never_looked_up_on_the_hub(source: str) -> None:
    with pytest.raises(WeightsError, match=f"no such weights folder: {source}"):
        read_folder(resolve_weights(source))


def test_a_missing_path_object_is_a_missing_folder() -> None:
    with pytest.raises(WeightsError, match="no such weights folder: user/repo"):
        resolve_weights(Path("user/repo"))


def test_a_pth_file_points_to_convert(tmp_path: Path) -> None:
    path = tmp_path / "latest_net_G_B.pth"
    path.touch()
    with pytest.raises(WeightsError, match=f"sigclean convert {path}"):
        resolve_weights(path)


def test_a_folder_has_no_revisions(folder: Path) -> None:
    with pytest.raises(WeightsError, match="only a Hub repository has revisions"):
        resolve_weights(folder, revision="main")


@pytest.mark.parametrize(
    ("name", "is_valid"),
    [
        ("user/repo", True),
        ("User_1/re.po-2", True),
        ("-user/repo", False),
        ("user/-repo", False),
        ("user/.repo", False),
        ("user/répo", False),
        ("user/repo/", False),
        ("a/b/c", False),
    ],
)
def test_training_and_publishing_accept_the_same_names_of_repositories(
    name: str, is_valid: bool
) -> None:
    assert accepts(lambda: Target(name).check()) == is_valid
    assert accepts(lambda: TrainConfig(push_to_hub=True, hub_model_id=name)) == is_valid


def accepts(check: Callable[[], object]) -> bool:
    try:
        check()
    except SigcleanError:
        return False
    return True


# --- the Hub ------------------------------------------------------------------------------------

RESOLVE = """
import sys
from sigclean.errors import WeightsError
from sigclean.hub.resolve import resolve_weights
try:
    print(resolve_weights(sys.argv[1], revision=sys.argv[2] if sys.argv[2:] else None))
except WeightsError as error:
    sys.exit(str(error))
"""

LOAD = """
import sys
from safetensors.torch import save_file
from sigclean.hub.resolve import resolve_weights
from sigclean.model_files.weights_folder import read_folder
generator, config = read_folder(resolve_weights(sys.argv[1]))
save_file(generator.state_dict(), sys.argv[2])
sys.exit("client imported" if "huggingface_hub" in sys.modules else 0)
"""

SERVE = """
import sys
from sigclean import SignatureCleaner
SignatureCleaner.from_pretrained(sys.argv[1], device="cpu")
print([name for name in sys.modules if name.startswith(("sigclean.hub.push", "sigclean.hub.upload",
                                                        "sigclean.export"))])
"""

PUSH_AND_SAVE = """
import sys
from sigclean import SignatureCleaner
ours = SignatureCleaner.from_pretrained(sys.argv[1], device="cpu")
print(ours.push_to_hub("user/signatures", onnx=False))
SignatureCleaner.from_pretrained("user/signatures", device="cpu").save_pretrained(sys.argv[2])
"""

Result = subprocess.CompletedProcess[str]


@pytest.fixture
def hub() -> Iterator[HubServer]:
    with HubServer() as server:
        yield server


@pytest.fixture
def python(hub: HubServer, tmp_path: Path) -> Callable[..., Result]:
    """Run Python with arguments in a process that uses the Hub; variables may be overridden."""

    def run(*arguments: str | Path, **variables: str) -> Result:
        return subprocess.run(
            [sys.executable, *map(str, arguments)],
            env=hub.environment(tmp_path / "home", **variables),
            capture_output=True,
            text=True,
            timeout=240,
        )

    return run


def test_published_weights_load_equal_in_another_process(
    hub: HubServer, python: Callable[..., Result], folder: Path, tmp_path: Path
) -> None:
    (folder / "latest_net_G_B.pth").write_bytes(b"not to be published")
    published = python(
        "-m", "sigclean", "publish", "user/signatures", "--weights", folder, "--no-onnx"
    )
    head = hub.repos["user/signatures"].refs["main"]
    assert published.stdout == f"{hub.url}/user/signatures/commit/{head}\n"
    assert published.stderr == ""
    files = hub.repos["user/signatures"].commits[head]
    assert set(files) - {".gitattributes"} == {"config.json", "model.safetensors", "README.md"}
    assert files["README.md"] == b"# A model\n"

    loaded = python("-c", LOAD, "user/signatures", tmp_path / "loaded.safetensors")
    assert (loaded.stdout, loaded.stderr) == ("", "client imported\n")
    assert torch.equal(
        load_file(tmp_path / "loaded.safetensors")["model.1.weight"],
        small_generator().state_dict()["model.1.weight"],
    )


@pytest.mark.slow
def test_a_loaded_cleaner_is_published_and_saved_as_its_folder(
    hub: HubServer, python: Callable[..., Result], folder: Path, tmp_path: Path
) -> None:
    published = python("-c", PUSH_AND_SAVE, folder, tmp_path / "copy")
    head = hub.repos["user/signatures"].refs["main"]
    assert published.stdout == f"{hub.url}/user/signatures/commit/{head}\n"
    assert published.stderr == ""
    files = {path.name: path.read_bytes() for path in folder.iterdir()}
    assert files.items() <= hub.repos["user/signatures"].commits[head].items()
    assert {path.name: path.read_bytes() for path in (tmp_path / "copy").iterdir()} == files


def test_a_local_folder_needs_neither_the_hub_nor_its_client(
    hub: HubServer, python: Callable[..., Result], folder: Path, tmp_path: Path
) -> None:
    loaded = python("-c", LOAD, folder, tmp_path / "loaded.safetensors")
    assert (loaded.returncode, loaded.stdout, loaded.stderr) == (0, "", "")
    assert hub.requests == []


def test_loading_a_model_imports_nothing_that_publishes(
    python: Callable[..., Result], folder: Path
) -> None:
    loaded = python("-c", SERVE, folder)
    assert (loaded.stdout, loaded.stderr) == ("[]\n", "")


def test_a_broken_folder_is_refused_before_anything_is_asked_of_the_hub(folder: Path) -> None:
    (folder / "model.safetensors").write_bytes(b"")
    with pytest.raises(WeightsError, match="is broken"):
        push_folder(folder, "user/signatures")


@pytest.mark.parametrize("name", ["signatures", "user/", "https://huggingface.co/user/repo"])
def test_a_name_that_no_repository_can_have_is_refused(folder: Path, name: str) -> None:
    with pytest.raises(WeightsError, match="no name of a Hub repository"):
        push_folder(folder, name)


@pytest.mark.slow
def test_publishing_without_permission_is_one_sentence(
    hub: HubServer, python: Callable[..., Result], folder: Path
) -> None:
    arguments = ("-m", "sigclean", "publish", "user/signatures", "--weights", folder, "--no-onnx")
    refused = python(*arguments, HF_TOKEN="hf_wrong")
    assert refused.returncode == 1
    assert refused.stderr.startswith("sigclean: error: the Hub refuses access to user/signatures")
    assert refused.stderr.count("\n") == 1
    assert hub.repos == {}


def ours(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def test_only_our_files_are_downloaded(
    hub: HubServer, python: Callable[..., Result], folder: Path
) -> None:
    hub.add("user/repo", {**ours(folder), "optimizer.bin": b"large", "run/me.py": b"code"})
    found = Path(python("-c", RESOLVE, "user/repo").stdout.strip())
    assert ours(found) == ours(folder)
    assert not any(name in request for request in hub.requests for name in ("optimizer", "me.py"))


def test_a_commit_pins_the_weights(
    hub: HubServer, python: Callable[..., Result], folder: Path
) -> None:
    pinned = hub.add("user/repo", {**ours(folder), "README.md": b"first"})
    hub.add("user/repo", {**ours(folder), "README.md": b"second"})
    found = python("-c", RESOLVE, "user/repo", pinned).stdout.strip()
    assert (Path(found) / "README.md").read_bytes() == b"first"


def test_a_cached_repository_is_found_offline(
    hub: HubServer, python: Callable[..., Result], folder: Path
) -> None:
    hub.add("user/repo", ours(folder))
    online = python("-c", RESOLVE, "user/repo")
    hub.requests.clear()
    offline = python("-c", RESOLVE, "user/repo", HF_HUB_OFFLINE="1")
    assert offline.stdout == online.stdout != ""
    assert hub.requests == []


@pytest.mark.parametrize(
    ("arguments", "variables", "sentence"),
    [
        (
            ["user/missing"],
            {},
            "there is neither a folder nor a Hub model called user/missing "
            "(a private model needs a token)",
        ),
        (["user/cards", "v9"], {}, "user/cards has no revision 'v9' on the Hub"),
        (["user/cards"], {}, "user/cards holds no sigclean weights: config.json is missing"),
        (
            ["user/pickles"],
            {},
            "user/pickles holds latest_net_G_B.pth but no config.json: turn that file into a "
            "weights folder with `sigclean convert latest_net_G_B.pth -o FOLDER`",
        ),
        (
            ["user/cards"],
            {"HF_HUB_OFFLINE": "1"},
            "user/cards is not in the cache, and the Hub may not be asked (offline)",
        ),
        (
            ["user/cards", "v9"],
            {"HF_ENDPOINT": "http://127.0.0.1:9"},  # the discard port: nobody listens
            "user/cards at revision v9 is not in the cache, and the Hub cannot be reached: ",
        ),
    ],
    ids=["no repository", "no revision", "not ours", "only pickles", "offline", "unreachable"],
)
def test_weights_that_cannot_be_downloaded_are_one_sentence(
    hub: HubServer,
    python: Callable[..., Result],
    arguments: list[str],
    variables: dict[str, str],
    sentence: str,
) -> None:
    hub.add("user/cards", {"README.md": b"# Nothing else"})
    hub.add("user/pickles", {"latest_net_G_B.pth": b"pickled", "train_opt.txt": b""})
    refused = python("-c", RESOLVE, *arguments, **variables)
    assert refused.stdout == ""
    assert refused.stderr.startswith(sentence)
    assert refused.stderr.count("\n") == 1
