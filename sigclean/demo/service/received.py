"""The picture in a request: the body itself, or a file in a form, kept on the disk meanwhile."""

import asyncio
import re
import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from starlette.datastructures import UploadFile
from starlette.requests import ClientDisconnect, Request

from sigclean.demo.cleaning import new_folder
from sigclean.demo.service.problems import RefusedError

UNNAMED = "picture"  # the name of a file that comes without one
MOST_FIELDS = 30  # fields of a form
LONGEST_NAME = 80  # characters of a file's name that are kept, beside its suffix
LONGEST_BYTES = 150  # the same in bytes: file systems take 255, and results' names are longer
NO_FILE = "There is no picture: send it as the body, or as the file of a form."


@dataclass(frozen=True)
class Received:
    """A file in a folder of its own, and the options that came with it."""

    path: Path
    given: list[tuple[str, str]]


@asynccontextmanager
async def received(request: Request, cache: Path) -> AsyncIterator[Received]:
    """Write the request's file to the cache; it is deleted when the context ends, with all else in
    its folder.

    Raises RefusedError if there is no file, or there are several.
    """
    folder = new_folder(cache)
    try:
        given = list(request.query_params.multi_items())
        if request.headers.get("content-type", "").startswith("multipart/form-data"):
            path = await _from_form(request, folder, given)
        else:
            path = await write_body(request, folder / UNNAMED)
        if not path.stat().st_size:
            raise RefusedError(400, NO_FILE)
        yield Received(path, given)
    finally:
        await asyncio.to_thread(shutil.rmtree, folder, True)


async def _from_form(request: Request, folder: Path, given: list[tuple[str, str]]) -> Path:
    """Write the file of a form, and add its fields to `given`."""
    async with request.form(max_files=1, max_fields=MOST_FIELDS) as form:
        files = [value for value in form.values() if isinstance(value, UploadFile)]
        given += [(name, value) for name, value in form.multi_items() if isinstance(value, str)]
        if not files:
            raise RefusedError(400, NO_FILE)
        folder.mkdir(exist_ok=True)  # swept, if the form was long on its way
        path = folder / safe_name(files[0].filename or UNNAMED)
        with path.open("wb") as file:
            await asyncio.to_thread(shutil.copyfileobj, files[0].file, file)
        return path


async def write_body(request: Request, path: Path) -> Path:
    """Write a request's body to a file; returns `path`. Raises RefusedError if it breaks off."""
    with path.open("wb") as file:
        try:
            async for chunk in request.stream():
                await asyncio.to_thread(file.write, chunk)
        except ClientDisconnect:
            raise RefusedError(400, "The request was not sent to its end.") from None
    return path


def safe_name(name: str) -> str:
    """The last part of a file's name, without what file systems and headers cannot take."""
    last = re.split(r"[/\\]", name)[-1]
    plain = "".join(c for c in last if c.isprintable() and c not in '<>:"|?*').strip(". ")
    stem, dot, suffix = plain.rpartition(".")
    if not dot or len(suffix) > 8:
        stem, dot, suffix = plain, "", ""
    short = stem[:LONGEST_NAME].encode()[:LONGEST_BYTES].decode(errors="ignore")
    return f"{short}{dot}{suffix}" or UNNAMED
