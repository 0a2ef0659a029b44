"""Uploads: only files that were uploaded are read, and messages have their names, not paths."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import gradio as gr
from gradio.blocks import Block
from gradio.data_classes import FileData, ImageData, ListFiles
from PIL import Image

from sigclean.demo.privacy import place_of
from sigclean.demo.service.calls import NO_ADDRESS, is_address
from sigclean.demo.service.faults import NOT_UPLOADED, OWN_FAULT
from sigclean.demo.settings import MEGA, Settings
from sigclean.errors import ImageError, SigcleanError, one_line
from sigclean.images import picture_size, read_image

_OTHER_KINDS = (  # offset in the file, bytes there, and the end of the message
    (0, b"%PDF", "a PDF: save its page as a picture first"),
    (0, b"PK\x03\x04", "an archive or office document: take the pictures out of it first"),
    (0, b"<svg", "a drawing in SVG: save it as a PNG first"),
    (0, b"<?xml", "a drawing or text in XML: save it as a PNG first"),
)


def pass_path(component: gr.Image) -> None:
    """Make a component pass the path of the uploaded file, which is left as it is, to its events.

    gr.Image itself (6.31) answers a broken file with a traceback, and accepts any path on this
    computer if the request lacks `meta`. A subclass is no way out: Gradio would write a .pyi beside
    its source.

    No event may update the component: Gradio would make another of it for that visitor.
    """

    def own_file(payload: ImageData | None) -> str | None:
        return None if payload is None else _own_path(payload, component)

    component.preprocess = own_file  # type: ignore[method-assign]


def pass_paths(component: gr.File) -> None:
    """Make a component of several files pass the list of their paths, see `pass_path`."""

    def own_files(payload: ListFiles | FileData | None) -> list[str]:
        files = payload.root if isinstance(payload, ListFiles) else [payload] if payload else []
        return [path for path in (_own_path(file, component) for file in files) if path]

    component.preprocess = own_files  # type: ignore[method-assign]


def _own_path(payload: FileData | ImageData, component: Block) -> str | None:
    """The path of an uploaded file, None without one. Raises gr.Error for any other file."""
    path = payload.path or payload.url
    if not path:
        return None
    if is_address(path):
        raise refusal(NO_ADDRESS)
    if Path(component.GRADIO_CACHE).resolve() not in Path(path).resolve().parents:
        raise refusal(NOT_UPLOADED)
    return path


def read_upload(path: str | Path, settings: Settings) -> Image.Image:
    """Read an upload as a picture, RGB and upright.

    Raises ImageError, whose message has the upload's name, not its path on the server.
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
    """Turn every error into one sentence for the visitor; the log gets its place, but no names."""
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
        raise refusal(OWN_FAULT) from None


def refusal(sentence: str) -> gr.Error:
    """An error that the visitor sees, and that is not logged."""
    error: gr.Error = gr.Error(sentence, print_exception=False)
    return error


def _other_kind(path: Path) -> str | None:
    """Say what a file is that is often taken for a picture, and what to do with it; else None."""
    if not path.exists():
        return None
    with path.open("rb") as file:
        start = file.read(16)
    kinds = (kind for at, mark, kind in _OTHER_KINDS if start[at:].startswith(mark))
    return next(kinds, None)


def _check_size(path: Path, settings: Settings) -> None:
    """Raise ImageError for too many bytes or pixels, before anything is decoded."""
    if path.stat().st_size > settings.max_bytes:
        raise ImageError(f"{path} has more than {settings.max_megabytes} megabytes")
    width, height = picture_size(path)
    if width * height > settings.max_megapixels * MEGA:
        raise ImageError(
            f"{path} has more than {settings.max_megapixels} megapixels ({width}x{height})"
        )
