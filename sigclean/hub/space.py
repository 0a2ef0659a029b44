"""Build the folder of a Space, which serves the web page on the Hugging Face Hub, and upload it.

The folder holds the package's own source, so that the Space runs the version that was tested here;
requirements pinned to the versions installed here; and the names of the models, which the Space
downloads when it starts.
"""

import json
import shutil
import sys
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from tempfile import TemporaryDirectory

from sigclean.errors import SigcleanError, one_line
from sigclean.files import atomic_write_text
from sigclean.hub.client import QUICK_PATIENCE, hub_errors, with_retries
from sigclean.hub.push import check_loads
from sigclean.hub.resolve import resolve_weights
from sigclean.hub.upload import Target, check_may_write, send
from sigclean.model_files.names import DEFAULT_MODEL, FILES, ONNX_FILE

PACKAGE = Path(__file__).parents[1]  # the folder of the package sigclean
PACKAGES = (
    "gradio",
    "huggingface-hub",
    "numpy",
    "onnxruntime",
    "pi-heif",
    "pillow",
    "pypdfium2",
    "safetensors",
    "tqdm",
    "vtracer",
)
"""Packages that the web page needs. Their own dependencies are not pinned, since the Hub installs
its own choice of web server beside them."""

OURS = ("sigclean/*", "examples/*")  # paths that an update removes unless the new version has them
TEMPLATES = Path(__file__).parent / "templates"


@dataclass(frozen=True)
class SpaceModel:
    """A model that a Space offers, as it was when `look_up` downloaded it."""

    source: str  # "user/repo", "user/repo@revision" for a pinned one, or `DEFAULT_MODEL`
    files: tuple[str, ...]  # the files of `model_files.names.FILES` that it has
    private: bool = False  # true if the Space needs a token to read it

    @property
    def onnx(self) -> bool:
        """True if it can be served without PyTorch."""
        return ONNX_FILE in self.files

    @property
    def repo_id(self) -> str | None:
        """The repository of the model; None for the packaged one."""
        return None if self.source == DEFAULT_MODEL else self.source.partition("@")[0]

    def preload(self) -> str:
        """Return the entry of `preload_from_hub`: repository, files and revision."""
        repo, _, revision = self.source.partition("@")
        return " ".join([repo, ",".join(self.files), *([revision] if revision else [])])


def look_up(source: str, token: str | None = None) -> SpaceModel:
    """Download a model that a Space is to offer, and check that it can be served.

    Args:
        source: "user/repo", "user/repo@revision" or `DEFAULT_MODEL`.

    Raises SigcleanError if there is no such model, or it cannot be loaded.
    """
    from sigclean.runtimes.choose import load_runtime

    repo, _, revision = source.partition("@")
    name = None if source == DEFAULT_MODEL else repo
    if name is not None:
        Target(name).check()
    folder = resolve_weights(name, revision=revision or None, token=token)
    files = tuple(name for name in FILES if (folder / name).is_file())
    if ONNX_FILE in files:
        load_runtime(folder, "onnx", "cpu")
    else:
        check_loads(folder)
    return SpaceModel(source, files, name is not None and _is_private(name, token))


def _is_private(repo_id: str, token: str | None) -> bool:
    """Ask the Hub whether a repository is private; False in offline mode."""
    from huggingface_hub import HfApi
    from huggingface_hub.errors import OfflineModeIsEnabled

    hub = HfApi(token=token)
    with hub_errors(repo_id):
        try:
            info = with_retries(lambda: hub.model_info(repo_id), patience=QUICK_PATIENCE)
            return bool(info.private)
        except OfflineModeIsEnabled:
            return False


def build_space(
    folder: Path, models: Sequence[SpaceModel], *, title: str, torch: bool = False
) -> Path:
    """Write the folder of a Space; return its path.

    Args:
        folder: created if it is new; an existing one must be empty.
        models: the first is preselected on the page; an empty sequence means the packaged model.
        title: the Space's title on the Hub.
        torch: require PyTorch, for a Space with a GPU; models without ONNX require it anyway.

    Raises SigcleanError if the folder is not empty, or a package of `PACKAGES` is not installed.
    """
    models = models or (look_up(DEFAULT_MODEL),)
    torch = torch or not all(model.onnx for model in models)
    pins = pinned((*PACKAGES, *(("torch",) if torch else ())))
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise SigcleanError(f"{folder} is not an empty folder")
    _copy_package(folder / "sigclean", weights=any(model.repo_id is None for model in models))
    _copy_examples(folder / "examples")
    texts = {
        "README.md": _readme(models, title, pins["gradio"]),
        "app.py": _app(models),
        "requirements.txt": "".join(f"{name}=={pin}\n" for name, pin in pins.items()),
    }
    for name, text in texts.items():
        atomic_write_text(folder / name, text)
    return folder


def pinned(packages: Iterable[str]) -> dict[str, str]:
    """Return the installed version of each package, without the build's name (as in 2.8.0+cpu).

    Raises SigcleanError if one is not installed.
    """
    try:
        return {name: version(name).partition("+")[0] for name in packages}
    except PackageNotFoundError as error:
        raise SigcleanError(
            f"a Space is pinned to the versions installed here, and {error.name} is missing: "
            "pip install 'sigclean[demo]'"
        ) from None


def _copy_package(target: Path, *, weights: bool) -> None:
    leave = shutil.ignore_patterns(
        "__pycache__", ".*", *(() if weights else ("*.safetensors", "*.onnx"))
    )
    shutil.copytree(PACKAGE, target, ignore=leave)


def _copy_examples(target: Path) -> None:
    """Copy the example pictures, which a checkout has and an installed package has not."""
    root = PACKAGE.parent
    if not (root / "pyproject.toml").is_file():
        return
    for path in sorted((root / "examples").glob("[0-9]*")):
        target.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(path, target / path.name)


def _app(models: Sequence[SpaceModel]) -> str:
    values = {"SIGCLEAN_HUB_PATIENCE": "120"}  # seconds of retries at the start
    sources = [model.source for model in models]
    if len(sources) > 1:
        values["SIGCLEAN_WEIGHTS"] = ",".join(sources)
    elif sources[0] != DEFAULT_MODEL:
        repo, _, revision = sources[0].partition("@")
        values |= {"SIGCLEAN_WEIGHTS": repo, "SIGCLEAN_REVISION": revision}
    lines = (
        f'os.environ.setdefault("{name}", {json.dumps(value)})' for name, value in values.items()
    )
    return _template("space_app.txt").format(variables="\n".join(lines))


def _readme(models: Sequence[SpaceModel], title: str, gradio: str) -> str:
    from huggingface_hub import SpaceCardData

    repos = [(model, model.repo_id) for model in models if model.repo_id]
    header = SpaceCardData(
        title=title,
        emoji="✒️",
        colorFrom="indigo",
        colorTo="gray",
        sdk="gradio",
        sdk_version=gradio,
        python_version=f"{sys.version_info.major}.{sys.version_info.minor}",  # the pins fit it
        app_file="app.py",
        short_description="Handwritten signatures, cleaned",
        models=[repo for _, repo in repos] or None,
        preload_from_hub=[one.preload() for one, _ in repos if not one.private] or None,
        tags=["image-to-image", "signature", "document-processing"],
        license="apache-2.0",
    ).to_yaml()
    links = ", ".join(f"[{repo}](https://huggingface.co/{repo})" for _, repo in repos)
    model = f"The model is {links}." if links else "The model is the one that comes with sigclean."
    text = _template("space_readme.md")
    return text.format(header=header, title=one_line(title), models=model)


def _template(name: str) -> str:
    return (TEMPLATES / name).read_text(encoding="utf-8")


def publish_space(
    target: Target, models: Sequence[SpaceModel], *, title: str, message: str, torch: bool = False
) -> str:
    """Create or update a Space; return its address.

    A Space that is up to date is restarted, so that it loads the newest revision of its models.
    Its files outside `OURS` stay.

    Raises:
        SigcleanError: see `build_space`; or the Hub refuses or cannot be reached.
    """
    check_may_write(target)
    with TemporaryDirectory(prefix="sigclean-") as scratch:
        folder = build_space(Path(scratch) / "space", models, title=title, torch=torch)
        files = {
            path.relative_to(folder).as_posix(): path
            for path in sorted(folder.rglob("*"))
            if path.is_file()
        }
        sent = send(files, target, message, outdated=OURS)
    return _address(target, restart=not sent.changed)


def _address(target: Target, *, restart: bool) -> str:
    from huggingface_hub import HfApi

    hub = HfApi(token=target.token)
    if restart:
        with hub_errors(target.repo_id, kind="space"):
            with_retries(lambda: hub.restart_space(target.repo_id))
    return f"{hub.endpoint}/spaces/{target.repo_id}"
