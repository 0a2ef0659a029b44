"""Checks of calls of Gradio's endpoints, before they are queued: names, numbers and types."""

import re
from collections.abc import Iterator, Mapping
from functools import cached_property
from typing import Any
from urllib.parse import unquote

import gradio as gr
from gradio.block_function import BlockFunction
from gradio.data_classes import FileData
from pydantic import ValidationError

from sigclean.demo.service.faults import NOT_UPLOADED
from sigclean.demo.service.problems import RefusedError

NO_ADDRESS = "Send the picture itself: addresses are not fetched."
FILE_TYPE = "gradio.FileData"
_ADDRESS = re.compile(r"\s*[a-z][a-z0-9+.-]+:/", re.IGNORECASE)  # of any scheme


class Calls:
    """The calls that a page takes.

    Args:
        blocks: the page.
    """

    def __init__(self, blocks: gr.Blocks) -> None:
        self.blocks = blocks

    def check(self, path: str, body: Any) -> int:
        """Check a call, and add the values that it left out; returns the number of files that it
        names.

        Args:
            path: the address below Gradio's prefix, such as `/call/clean`.
            body: the parsed JSON.

        Raises RefusedError for what cannot be called.
        """
        if not isinstance(body, dict):
            raise RefusedError(422, "The body is not a JSON object.")
        files = sum(_checked_files(body))
        if path.startswith("/call/v2/"):
            self._check_names(path.removeprefix("/call/v2/").strip("/"), body)
            return files
        data = body.get("data")
        if not isinstance(data, list):
            raise RefusedError(422, "`data` must be a list of values.")
        if path.startswith("/call/"):
            function = self._named(path.removeprefix("/call/").strip("/"))
            data += _defaults(function, len(data))
            self._check_values(function, data)
        else:
            self._check_values(self._numbered(body), data)
        return files

    def _named(self, name: str) -> BlockFunction:
        for function in self.blocks.fns.values():
            if function.api_name == name and function.api_visibility == "public":
                return function
        raise RefusedError(404, f"There is no such endpoint: choose {', '.join(self._parameters)}.")

    def _numbered(self, body: Mapping[str, Any]) -> BlockFunction:
        number = body.get("fn_index")
        if isinstance(number, bool) or not isinstance(number, int):
            raise RefusedError(422, "`fn_index` must be the number of an event of the page.")
        if number not in self.blocks.fns:
            raise RefusedError(404, "There is no such event: load the page again.")
        return self.blocks.fns[number]

    @cached_property
    def _parameters(self) -> dict[str, list[dict[str, Any]]]:
        """The parameters of the named endpoints."""
        endpoints = self.blocks.get_api_info()["named_endpoints"]
        return {name: endpoint["parameters"] for name, endpoint in endpoints.items()}

    def _check_names(self, name: str, body: Mapping[str, Any]) -> None:
        """Check the parameters of a call that names them."""
        function, parameters = self._named(name), self._parameters[f"/{name}"]
        known = [one["parameter_name"] for one in parameters]
        unknown = [given for given in body if given not in known and given != "oauth_token"]
        if unknown:
            names = ", ".join(known)
            raise RefusedError(422, f"There is no parameter {unknown[0][:40]!r}: choose {names}.")
        missing = [
            one["parameter_name"]
            for one in parameters
            if not one["parameter_has_default"] and one["parameter_name"] not in body
        ]
        if missing:
            raise RefusedError(422, f"The parameter {missing[0]!r} is missing.")
        blocks = [block for block in function.inputs if not _is_hidden(block)]
        for one, block in zip(known, blocks, strict=False):
            if one in body:
                _check_type(block, one, body[one])

    def _check_values(self, function: BlockFunction, data: list[Any]) -> None:
        """Check the values of a call in the order of its inputs, State may be left out."""
        inputs = list(function.inputs)
        shown = [block for block in inputs if not _is_hidden(block)]
        if len(data) not in (len(inputs), len(shown)) and not function.cancels:
            raise RefusedError(422, f"{len(shown)} values are expected, not {len(data)}.")
        given = inputs if len(data) == len(inputs) else shown
        for number, (block, value) in enumerate(zip(given, data, strict=False), 1):
            if not block.stateful:
                _check_type(block, f"value {number}", value)


def is_address(path: str) -> bool:
    """Tell whether a path is an address of another server, also if it is percent-encoded."""
    return bool(_ADDRESS.match(path) or _ADDRESS.match(unquote(path)))


def _defaults(function: BlockFunction, given: int) -> list[Any]:
    """The values of the last inputs of an endpoint, if those that were left out have any."""
    values = [getattr(block, "value", None) for block in function.inputs if not _is_hidden(block)]
    left_out = values[given:]
    return [] if given == 0 or any(value is None for value in left_out) else left_out


def _is_hidden(block: Any) -> bool:
    return bool(getattr(block, "skip_api", False))


def _check_type(block: Any, name: str, value: Any) -> None:
    """Raise RefusedError if a component cannot take a value."""
    model = getattr(block, "data_model", None)
    if model is None or value is None:
        return
    try:
        model.model_validate(value, context={"validate_meta": True})
    except (ValidationError, ValueError, TypeError):
        raise RefusedError(
            422, f"The {name} has a wrong type: {block.label or block.get_block_name()}."
        ) from None


def _checked_files(value: Any) -> Iterator[int]:
    """Yield 1 for each file that JSON names, at any depth.

    Raises RefusedError for addresses, and for what is not the description of a file.
    """
    waiting = [value]
    while waiting:
        one = waiting.pop()
        if isinstance(one, list):
            waiting += one
        elif isinstance(one, dict):
            waiting += one.values()
            meta = one.get("meta")
            if isinstance(meta, dict) and meta.get("_type") == FILE_TYPE:
                yield _check_file(one)


def _check_file(described: Mapping[str, Any]) -> int:
    try:
        file = FileData(**described)
    except (ValidationError, TypeError):
        raise RefusedError(422, "A file is described wrongly: it needs a path.") from None
    if is_address(file.path):
        raise RefusedError(400, NO_ADDRESS)
    if not file.path or "\0" in file.path or file.is_stream:
        raise RefusedError(400, NOT_UPLOADED)
    return 1
