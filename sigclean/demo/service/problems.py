"""Refusals as RFC 9457 has them: JSON with a status and one sentence."""

from http import HTTPStatus
from typing import Any

from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.types import Message

MEDIA_TYPE = "application/problem+json"

_WORDS = {
    403: "This address is not answered.",
    404: "There is nothing at this address.",
    405: "This address is not for such requests.",
}  # for what Starlette answers with the status's name


class RefusedError(Exception):
    """A request that is refused with a status and one sentence."""

    def __init__(self, status: int, sentence: str, **headers: str) -> None:
        super().__init__(sentence)
        self.status, self.sentence = status, sentence
        self.headers = {name.replace("_", "-"): value for name, value in headers.items()}

    def response(self) -> JSONResponse:
        """The answer."""
        return problem(self.status, self.sentence, self.headers)


def problem(
    status: int, sentence: str, headers: dict[str, str] | None = None, **more: Any
) -> JSONResponse:
    """An answer with one sentence in `detail`, and in `error`, where Gradio's clients look."""
    title = HTTPStatus(status).phrase
    content = {"type": "about:blank", "title": title, "status": status, "detail": sentence}
    return JSONResponse(
        {**content, "error": sentence, **more}, status, headers, media_type=MEDIA_TYPE
    )


async def http_problem(request: Request, error: Exception) -> JSONResponse:
    """The handler of Starlette's own errors, such as an unknown address."""
    assert isinstance(error, HTTPException)
    detail = str(error.detail)
    if detail.startswith("File not allowed"):  # Gradio's, with the file's path
        return problem(404, _WORDS[404])
    usual = detail == HTTPStatus(error.status_code).phrase
    sentence = _WORDS.get(error.status_code, f"{detail}.") if usual else detail
    return problem(error.status_code, sentence, dict(error.headers or {}))


async def invalid_problem(request: Request, error: Exception) -> JSONResponse:
    """The handler of requests whose parts have wrong types."""
    assert isinstance(error, RequestValidationError)
    first = error.errors()[0]
    place = ".".join(str(part) for part in first["loc"] if part != "body")
    sentence = f"The request's {place or 'body'} cannot be read: {first['msg']}."
    return problem(422, sentence)


async def read_body(receive: Any, most: int) -> bytes:
    """Read a request's body. Raises RefusedError if it has more than `most` bytes, or does not
    come to an end."""
    parts, size, more = [], 0, True
    while more:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise RefusedError(400, "The request was not sent to its end.")
        parts.append(message.get("body", b""))
        size += len(parts[-1])
        if size > most:
            raise RefusedError(413, "The request is too large.")
        more = message.get("more_body", False)
    return b"".join(parts)


def replay(body: bytes, receive: Any) -> Any:
    """A `receive` that gives a body that has been read, and then what follows it."""
    unread = [True]

    async def again() -> Message:
        if unread:
            unread.clear()
            return {"type": "http.request", "body": body, "more_body": False}
        message: Message = await receive()
        return message

    return again
