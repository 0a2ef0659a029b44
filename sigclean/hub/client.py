"""Requests to the Hugging Face Hub: retries of transient errors, one sentence for the others."""

import os
import random
import re
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from threading import Event
from typing import Literal, TypeVar

from sigclean.errors import WeightsError, first_line

REPO_ID = re.compile(r"\w[\w.-]*/\w[\w.-]*", re.ASCII)  # user/repo
HUB_PATIENCE = 150.0  # seconds of retries; most faults of a server or a network are over by then
QUICK_PATIENCE = 10.0  # seconds; loading must fail fast, publishing need not
PATIENCE_VARIABLE = "SIGCLEAN_HUB_PATIENCE"
LONGEST_WAIT = 30.0  # seconds between two tries
RETRYABLE_STATUSES = (408, 429, 500, 502, 503, 504)  # the same request may succeed later

Kind = Literal["model", "space"]
Result = TypeVar("Result")


def with_retries(
    action: Callable[[], Result],
    *,
    patience: float | None = None,
    hurry: Event | None = None,
    retry_unreachable: bool = True,
) -> Result:
    """Call `action`, and call it again after growing waits if it fails with a transient error.

    Honours Retry-After. Refusals (400, 401, 403, 404) are not retried.

    Args:
        patience: seconds after which nothing is retried; by default the value of the environment
            variable SIGCLEAN_HUB_PATIENCE, else 150.
        hurry: an event that ends the waiting between tries when it is set.
        retry_unreachable: retry also if no connection to the server can be made.

    Raises:
        WeightsError: SIGCLEAN_HUB_PATIENCE is not a number.
        Exception: the error of the last try.
    """
    seconds = chosen_patience(HUB_PATIENCE) if patience is None else patience
    deadline = time.monotonic() + seconds
    pause = hurry.wait if hurry else time.sleep
    dice = random.Random()  # not the global one, which training may have seeded
    longest = 1.0
    while True:
        try:
            return action()
        except Exception as error:
            # Jitter: many clients that failed together do not come back together.
            wait = max(longest * dice.uniform(0.5, 1), _retry_after(error))
            hopeless = not _is_transient(error, retry_unreachable)
            if hopeless or time.monotonic() + wait > deadline or pause(wait):
                raise
        longest = min(2 * longest, LONGEST_WAIT)


def chosen_patience(default: float) -> float:
    """Return the seconds of SIGCLEAN_HUB_PATIENCE; raise WeightsError if it is not a number."""
    text = os.environ.get(PATIENCE_VARIABLE) or str(default)
    if not text.replace(".", "", 1).isdecimal():
        raise WeightsError(f"{PATIENCE_VARIABLE} must be seconds, not {text!r}")
    return float(text)


def _is_transient(error: BaseException, retry_unreachable: bool) -> bool:
    """Tell whether the same request may succeed later."""
    from huggingface_hub.errors import OfflineModeIsEnabled

    error = _request_error(error)
    if (status := _status(error)) is not None:
        return status in RETRYABLE_STATUSES
    if isinstance(error, OfflineModeIsEnabled):
        return False
    if not retry_unreachable and _is_named(error, "ConnectError"):
        return False
    return _is_connection_error(error)


def _retry_after(error: BaseException) -> float:
    """Return the seconds of the server's Retry-After or the Hub's RateLimit header; 0 without."""
    from huggingface_hub.utils import parse_ratelimit_headers

    error = _request_error(error)
    headers = getattr(getattr(error, "response", None), "headers", {})
    limit = parse_ratelimit_headers(headers) if _status(error) == 429 else None
    if limit is not None and limit.remaining == 0:
        return float(limit.reset_in_seconds)
    seconds = headers.get("Retry-After", "")  # a date, which it may be, is ignored
    return float(seconds) if seconds.isdecimal() else 0.0


def _request_error(error: BaseException) -> BaseException:
    """Return the error of the request itself: the Hub's client wraps those of uploads."""
    found: BaseException | None = error
    while found is not None:
        if _status(found) is not None or _is_connection_error(found):
            return found
        found = found.__cause__
    return error


def _status(error: BaseException) -> int | None:
    return getattr(getattr(error, "response", None), "status_code", None)


def _is_connection_error(error: BaseException) -> bool:
    """Tell whether a request had no answer. The Hub's storage (hf_xet) then raises Python's own
    errors; the client's HTTP library, httpx in version 1 and httpx2 in 2, a TransportError."""
    transport = _is_named(error, "TransportError")
    return transport or isinstance(error, ConnectionError | TimeoutError)


def _is_named(error: BaseException, name: str) -> bool:
    return any(one.__name__ == name for one in type(error).__mro__)


@contextmanager
def hub_errors(
    repo_id: str, revision: str | None = None, *, kind: Kind = "model", bars: bool = True
) -> Iterator[None]:
    """Turn every error of the Hub's client into a WeightsError, and silence its warnings.

    Args:
        repo_id, revision, kind: named in the error.
        bars: show the client's progress bars, on a terminal.
    """
    from huggingface_hub.utils import (
        are_progress_bars_disabled,
        disable_progress_bars,
        enable_progress_bars,
        logging,
    )

    hide_bars = not (are_progress_bars_disabled() or (bars and sys.stderr.isatty()))
    verbosity = logging.get_verbosity()
    logging.set_verbosity_error()
    if hide_bars:
        disable_progress_bars()
    try:
        yield
    except WeightsError:
        raise
    except Exception as error:  # its HTTP library, and so its errors, change between versions
        raise WeightsError(_explain(error, repo_id, revision, kind)) from error
    finally:
        logging.set_verbosity(verbosity)
        if hide_bars:
            enable_progress_bars()


def _explain(error: Exception, repo_id: str, revision: str | None, kind: Kind) -> str:
    from huggingface_hub import errors

    what = repo_id if revision is None else f"{repo_id} at revision {revision}"
    if isinstance(error, errors.HFValidationError):
        return f"{repo_id!r} is no name of a Hub repository: {first_line(error)}"
    if isinstance(error, errors.GatedRepoError):
        return f"{repo_id} is gated: accept its terms on the Hub and log in with `hf auth login`"
    if isinstance(error, errors.RepositoryNotFoundError):
        if kind == "space":
            return f"there is no Space called {repo_id} (a private one needs a token)"
        return (
            f"there is neither a folder nor a Hub model called {repo_id} "
            "(a private model needs a token)"
        )
    if isinstance(error, errors.RevisionNotFoundError):
        return f"{repo_id} has no revision {revision!r} on the Hub"
    if isinstance(error, errors.LocalEntryNotFoundError):
        tried = error.__cause__
        if tried is None or isinstance(tried, errors.OfflineModeIsEnabled):
            return f"{what} is not in the cache, and the Hub may not be asked (offline)"
        return f"{what} is not in the cache, and the Hub cannot be reached: {first_line(tried)}"
    return _explain_request(_request_error(error), repo_id, what)


def _explain_request(error: BaseException, repo_id: str, what: str) -> str:
    from huggingface_hub.errors import OfflineModeIsEnabled

    if isinstance(error, OfflineModeIsEnabled):
        return f"{what}: the Hub may not be asked (HF_HUB_OFFLINE is set)"
    status = _status(error)
    if status == 401:
        return f"the Hub refuses access to {repo_id}: log in with `hf auth login` or give a token"
    if status == 403:
        return (
            f"the Hub refuses access to {repo_id}: the token has no right to it "
            "(to upload, it needs the right to write)"
        )
    if _is_connection_error(error):
        return f"{what}: the Hub cannot be reached: {first_line(error)}"
    said = getattr(error, "server_message", None)
    said = f" {said}" if said and said not in first_line(error) else ""
    return f"{what}: the request to the Hub failed: {first_line(error)}{said}"
