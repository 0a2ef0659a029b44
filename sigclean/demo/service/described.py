"""The description of `/api`: for OpenAPI, and as a page that loads nothing from elsewhere."""

from pathlib import Path
from typing import Any

from sigclean.demo.service.options import CLEAN, EXTRACT, FORMATS, Option
from sigclean.demo.service.problems import MEDIA_TYPE
from sigclean.reports.pages import render_page

ABOUT = (
    "Clean handwritten signatures. Send the picture as the body or as the file of a form, and "
    "options in the address or as fields of the form. Files are deleted when they are answered, "
    "and never logged."
)
_TEMPLATE = Path(__file__).parent / "templates" / "docs.html"
_STATUSES = {
    "400": "There is no picture, or the request is broken.",
    "413": "The request is too large.",
    "422": "The picture cannot be read, or an option is wrong.",
    "429": "Too many requests, bytes or files from this address.",
    "503": "Too many pictures wait.",
    "507": "The server has no room for more files now.",
}
_BINARY = {"schema": {"type": "string", "format": "binary"}}


def cleaning() -> dict[str, Any]:
    """FastAPI's arguments for `/api/clean`."""
    results = dict.fromkeys(FORMATS.values(), _BINARY)
    return _endpoint(CLEAN, "The clean picture.", results)


def extracting() -> dict[str, Any]:
    """FastAPI's arguments for `/api/extract`."""
    results = {"application/zip": _BINARY, "application/json": {"schema": {"type": "object"}}}
    return _endpoint(EXTRACT, "A zip of the signatures, or their boxes.", results)


def page(openapi: dict[str, Any]) -> str:
    """The description as a page in HTML."""
    return render_page(_TEMPLATE, api=openapi)


def _endpoint(options: tuple[Option, ...], result: str, results: dict[str, Any]) -> dict[str, Any]:
    fields = {option.name: _schema(option) for option in options}
    file = {"type": "string", "format": "binary", "description": "the picture or document"}
    form = {"type": "object", "properties": {"file": file, **fields}, "required": ["file"]}
    problem = {
        "schema": {
            "type": "object",
            "properties": {
                name: {"type": "integer" if name == "status" else "string"}
                for name in ("type", "title", "status", "detail")
            },
        }
    }
    errors = {
        status: {"description": text, "content": {MEDIA_TYPE: problem}}
        for status, text in _STATUSES.items()
    }
    return {
        "responses": {"200": {"description": result, "content": results}, **errors},
        "openapi_extra": {
            "parameters": [
                {
                    "name": option.name,
                    "in": "query",
                    "description": option.meaning,
                    "schema": _schema(option),
                }
                for option in options
                if option.name != "password"  # addresses are logged by proxies
            ],
            "requestBody": {
                "required": True,
                "content": {"multipart/form-data": {"schema": form}, "*/*": _BINARY},
            },
        },
    }


def _schema(option: Option) -> dict[str, Any]:
    schema: dict[str, Any] = {"type": "string", "description": option.meaning}
    if option.choices:
        schema["enum"] = list(option.choices)
    if option.default:
        schema["default"] = option.default
    return schema
