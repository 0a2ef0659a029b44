"""The page asks no other server for anything: Gradio's own ways to do so are closed."""

from pathlib import Path
from typing import Any, NoReturn

import gradio as gr
import gradio.processing_utils
import gradio.queueing
import gradio.routes
import gradio.utils
import safehttpx
from gradio.blocks import Block
from starlette.requests import Request

from sigclean.demo.service.calls import NO_ADDRESS, is_address
from sigclean.demo.service.faults import error_payload
from sigclean.demo.service.problems import RefusedError


def fetch_nothing() -> None:
    """Make Gradio fetch no address that a request contains, whichever component it is for.

    Gradio (6.31) looks for files in the value of every component, and fetches those whose path is
    an address; it also passes on `file=ADDRESS`. The gate refuses such requests; this is the second
    lock, at the functions that ask name servers and other servers.
    """
    move = Block.async_move_resource_to_block_cache

    async def own_files_only(self: Block, url_or_file_path: str | Path | None) -> str | None:
        if url_or_file_path is not None and is_address(str(url_or_file_path)):
            raise gr.Error(NO_ADDRESS, print_exception=False)
        return await move(self, url_or_file_path)

    Block.async_move_resource_to_block_cache = own_files_only  # type: ignore[method-assign]
    gradio.routes.secure_url_stream_response = _refuse_address
    for module, names in _WAYS_OUT.items():
        for name in names:
            if name in vars(module):
                vars(module)[name] = _refuse


def speak_in_sentences() -> None:
    """Make Gradio send a sentence where it would send no words for an error."""
    for module in (gradio.queueing, gradio.utils):
        vars(module)["error_payload"] = error_payload


_WAYS_OUT: dict[Any, tuple[str, ...]] = {
    gradio.processing_utils: (
        "async_ssrf_protected_get",
        "async_ssrf_protected_download",
        "ssrf_protected_download",
        "save_url_to_cache",
    ),
    safehttpx: ("get", "async_validate_url", "async_resolve_hostname_google"),
}


def _refuse(*_: Any, **__: Any) -> NoReturn:
    raise gr.Error(NO_ADDRESS, print_exception=False)


async def _refuse_address(url: str, request: Request) -> NoReturn:
    raise RefusedError(400, NO_ADDRESS)
