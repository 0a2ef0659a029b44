"""The models on the web page, each loaded once, and their cards."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

from PIL import Image

from sigclean.bulk.picture_worker import OutputStyle
from sigclean.cleaner import SignatureCleaner
from sigclean.documents.page import Page
from sigclean.errors import SigcleanError
from sigclean.extraction.signatures import Signature, clean_signatures
from sigclean.hub.client import REPO_ID
from sigclean.model_files.names import CARD_FILE, DEFAULT_MODEL
from sigclean.regions import Region, suggest_regions
from sigclean.windows import Window

try:  # the package of ZeroGPU hardware
    import spaces
except ImportError:
    spaces = None

Function = TypeVar("Function", bound=Callable[..., Any])

Finish = Callable[
    [Image.Image, Image.Image, Window, str, str, Image.Image | None, Image.Image | None],
    Image.Image,
]
"""Takes a picture, its keep map, the window, `invert`, the pen, and masks that erase and restore
ink."""

Find = Callable[[Page, str, str], list[tuple[Signature, Image.Image, float]]]
"""Takes a page, `invert` and the pen; finds and cleans signatures, see `clean_signatures`; on
ZeroGPU it borrows a GPU."""

Keep = Callable[[Image.Image, Window, str], tuple[Image.Image, int | None]]
"""Takes a picture, the window and `invert`; returns the keep map and the side of its windows in
pixels, None without any."""

GPU_SECONDS = 30  # longest time that one call may hold a GPU of ZeroGPU


@dataclass(frozen=True)
class Model:
    """A loaded model, which no longer needs its folder or repository."""

    name: str
    suggest: Callable[[Image.Image], list[Region]]  # finds signatures; on ZeroGPU it borrows a GPU
    render: Callable[[Image.Image, OutputStyle], Image.Image]  # cleans with options, likewise
    find: Find
    keep: Keep  # computes a keep map, likewise
    finish: Finish  # makes the clean picture from a keep map; without a GPU
    card: str  # the text of its README.md


def load_models(
    weights: str | None = None, revision: str | None = None, at_once: int = 1
) -> dict[str, Model]:
    """Load models; returns them by name, the default first.

    Args:
        weights: `default`, folders and Hub repositories, joined by commas; a repository may be
            followed by @ and a revision. None for the packaged model.
        revision: the revision of repositories that are named without one.
        at_once: the number of pictures cleaned at the same time, which share the cores.

    Raises SigcleanError if a name is missing or there twice, or weights cannot be loaded.
    """
    sources = [part.strip() for part in (weights or DEFAULT_MODEL).split(",") if part.strip()]
    models = [_load(source, revision, len(sources), at_once) for source in sources]
    named = {model.name: model for model in models}
    if not models or len(named) < len(models):
        raise SigcleanError(f"name each model once: {weights!r}")
    return named


def card_text(model: Model) -> str:
    """The card without its YAML header and its pictures, which would lie on other servers."""
    text = re.sub(r"\A---\n.*?\n---\n", "", model.card, flags=re.DOTALL)
    text = re.sub(r"!\[[^\]]*\]\([^)]*\)|<img\b[^>]*>", "", text)
    return _one_level_down(text).strip() or f"`{model.name}` has no card."


def _one_level_down(text: str) -> str:
    """Lower headings by one level, except in code."""
    parts = re.split(r"(^```.*?^```)", text, flags=re.DOTALL | re.MULTILINE)
    parts[::2] = [re.sub(r"^(?=#{1,5} )", "#", part, flags=re.MULTILINE) for part in parts[::2]]
    return "".join(parts)


def choose(models: Mapping[str, Model], name: str | None) -> Model:
    """The model with that name; the first for None. Raises SigcleanError for an unknown one."""
    if name is None:
        return next(iter(models.values()))
    if name not in models:
        raise SigcleanError(f"unknown model {name!r}: choose {', '.join(models)}")
    return models[name]


def _load(source: str, revision: str | None, of: int, at_once: int) -> Model:
    repo, _, own_revision = source.partition("@")
    is_repo = bool(REPO_ID.fullmatch(repo)) and not Path(source).is_dir() and repo != DEFAULT_MODEL
    if not is_repo:
        repo, own_revision = source, ""
    asked = own_revision or (revision if is_repo or of == 1 else None)
    cleaner = SignatureCleaner.from_pretrained(
        None if repo == DEFAULT_MODEL else repo, revision=asked, workers=at_once
    )
    card = cleaner.folder / CARD_FILE if cleaner.folder else None
    text = card.read_text(encoding="utf-8") if card and card.is_file() else ""
    name = source if is_repo or repo == DEFAULT_MODEL else Path(source).name
    return Model(name=name, card=text, **_abilities(cleaner))


def _abilities(
    cleaner: SignatureCleaner,
) -> dict[str, Callable[..., Any]]:
    def suggest(page: Image.Image) -> list[Region]:
        return suggest_regions(page, cleaner)

    def render(picture: Image.Image, style: OutputStyle) -> Image.Image:
        return style.clean(cleaner, picture)

    def find(page: Page, invert: str, pen: str) -> list[tuple[Signature, Image.Image, float]]:
        return list(clean_signatures(page, cleaner, partial(cleaner, pen=pen), invert))

    def keep(picture: Image.Image, window: Window, invert: str) -> tuple[Image.Image, int | None]:
        view = cleaner.prepare(picture, window, invert=invert)
        return cleaner.keep([view])[0], view.window

    def finish(
        picture: Image.Image,
        keep: Image.Image,
        window: Window,
        invert: str,
        pen: str,
        erase: Image.Image | None,
        restore: Image.Image | None,
    ) -> Image.Image:
        view = cleaner.prepare(picture, window, pen, invert)
        return cleaner.finish(view, keep, erase=erase, restore=restore)

    borrowing: dict[str, Callable[..., Any]]
    borrowing = {"suggest": suggest, "render": render, "find": find, "keep": keep}
    return {**{name: on_gpu(ability) for name, ability in borrowing.items()}, "finish": finish}


def on_gpu(function: Function) -> Function:
    """Make `function` borrow a GPU; without the package `spaces` it is returned as it is.

    To be called while the page starts, which is when ZeroGPU looks for such functions.
    """
    if spaces is None:
        return function
    decorated: Function = spaces.GPU(duration=GPU_SECONDS)(function)
    return decorated
