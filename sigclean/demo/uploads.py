"""What people send: found where it was uploaded, and nowhere else; called by its own name."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import gradio as gr
from gradio.blocks import Block
from gradio.data_classes import FileData, ImageData, ListFiles
from PIL import Image

from sigclean.demo.privacy import place_of
from sigclean.demo.settings import MEGA, Settings
from sigclean.errors import ImageError, SigcleanError, one_line
from sigclean.images import picture_size, read_image

NOT_UPLOADED = "This file was not uploaded."
NO_ADDRESS = "Send the picture itself: addresses are not fetched."


_OTHER_KINDS = (  # where in the file, what is there, what the file then is
    (0, b"%PDF", "a PDF: save its page as a picture first"),
    (0, b"PK\x03\x04", "an archive or office document: take the pictures out of it first"),
    (0, b"<svg", "a drawing in SVG: save it as a PNG first"),
    (0, b"<?xml", "a drawing or text in XML: save it as a PNG first"),
    (4, b"ftyphei", "a HEIC photo: save it as a JPEG first"),
    (4, b"ftypmif1", "a HEIC photo: save it as a JPEG first"),
)


def hand_over_the_file(component: gr.Image) -> None:
    """Let functions have the path of the component's file, byte for byte as it was uploaded.

    gr.Image would open the file itself, and answer one that is broken with a traceback; it would
    fetch addresses; and any path on this computer would pass, if whoever asks leaves out `meta`
    (Gradio 6.31). A subclass would do, but Gradio writes a .pyi beside the source of each.

    The component must not be updated by an event, which would make another of it for that visitor.
    """

    def own_file(payload: ImageData | None) -> str | None:
        return None if payload is None else _own_path(payload, component)

    component.preprocess = own_file  # type: ignore[method-assign]
    _fetch_nothing(component)


def hand_over_the_files(component: gr.File) -> None:
    """The same for a component of several files: functions have a list of paths."""

    def own_files(payload: ListFiles | FileData | None) -> list[str]:
        files = payload.root if isinstance(payload, ListFiles) else [payload] if payload else []
        return [path for path in (_own_path(file, component) for file in files) if path]

    component.preprocess = own_files  # type: ignore[method-assign]
    _fetch_nothing(component)


def _own_path(payload: FileData | ImageData, component: Block) -> str | None:
    """The path of an uploaded file, None without one. Raises gr.Error for any other file."""
    path = payload.path or payload.url
    if not path:
        return None
    if "://" in path:
        raise refusal(NO_ADDRESS)
    if Path(component.GRADIO_CACHE).resolve() not in Path(path).resolve().parents:
        raise refusal(NOT_UPLOADED)
    return path


def _fetch_nothing(component: Block) -> None:
    """Refuse addresses where Gradio would fetch what is there before it asks `preprocess`."""
    move = component.async_move_resource_to_block_cache

    async def stay(resource: str | Path | None) -> str | None:
        if resource is not None and "://" in str(resource):
            raise refusal(NO_ADDRESS)
        return await move(resource)

    component.async_move_resource_to_block_cache = stay  # type: ignore[assignment, method-assign]


def read_upload(path: str | Path, settings: Settings) -> Image.Image:
    """The upload as a picture, RGB and upright.

    Raises ImageError, which calls it by its own name and not by the server's path.
    """
    path = Path(path)
    try:
        if not path.exists():
            raise ImageError(f"{path} was deleted, as all uploads are after a while: upload again")
        _check_size(path, settings)
        return read_image(path)
    except ImageError as error:
        kind = _other_kind(path)
        message = f"{path.name} is {kind}" if kind else str(error).replace(str(path), path.name)
        raise ImageError(message) from None


@contextmanager
def readable_errors() -> Iterator[None]:
    """Answer what went wrong in one sentence; the page goes on, and no name gets into a log."""
    try:
        yield
    except SigcleanError as error:
        raise refusal(f"{one_line(error)}.") from None
    except gr.Error:
        raise
    except FileNotFoundError:
        raise refusal("The picture was deleted, as all are after a while: upload it again.") from (
            None
        )
    except Exception as error:
        print(f"sigclean demo: {place_of(error)}", flush=True)
        raise refusal("This could not be done: the fault is the page's own.") from None


def refusal(sentence: str) -> gr.Error:
    """An error that is shown, and not logged."""
    error: gr.Error = gr.Error(sentence, print_exception=False)
    return error


def _other_kind(path: Path) -> str | None:
    """What a file is that people take for a picture, and what to do with it."""
    if not path.exists():
        return None
    with path.open("rb") as file:
        start = file.read(16)
    kinds = (kind for at, mark, kind in _OTHER_KINDS if start[at:].startswith(mark))
    return next(kinds, None)


def _check_size(path: Path, settings: Settings) -> None:
    """From the header alone, before anything is decoded."""
    size = path.stat().st_size
    if size > settings.max_megabytes * MEGA * 1.05:  # a megabyte is 1,048,576 to Gradio
        raise ImageError(f"{path} has more than {settings.max_megabytes} megabytes")
    width, height = picture_size(path)
    if width * height > settings.max_megapixels * MEGA:
        raise ImageError(
            f"{path} has more than {settings.max_megapixels} megapixels ({width}x{height})"
        )
