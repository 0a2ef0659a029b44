"""What the page's server refuses: addresses, unknown names, wrong types, foreign hosts, floods."""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from demo_server import Answer, Demo, ask, call, file_data, sentence_of, start_demo, upload
from listener import listening, watched_environment
from starlette.datastructures import Headers
from starlette.types import Message, Receive, Scope, Send

from sigclean.demo.rate_limit import Parts, RateLimit, TokenBuckets
from sigclean.demo.service.hosts import PRIVATE_NETWORKS, name_of, own_names, trust_proxies
from sigclean.demo.service.problems import RefusedError
from sigclean.demo.service.storage import SizeLimit, Storage
from sigclean.demo.settings import Rates
from sigclean.model_files.names import DEFAULT_WEIGHTS

JSON = {"Content_Type": "application/json"}
NO_ADDRESS = "Send the picture itself: addresses are not fetched."


@pytest.fixture(scope="module")
def watched(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Demo]:
    """A demo that records the names it looks up, and takes loopback for a public network."""
    folder = tmp_path_factory.mktemp("watched")
    environment = watched_environment(folder)
    environment["PYTHONPATH"] += os.pathsep + os.environ.get("PYTHONPATH", "")
    running = start_demo(
        folder,
        DEFAULT_WEIGHTS,
        SIGCLEAN_HOSTS="clean.example.org,*.example.net",
        SIGCLEAN_MEGABYTES_PER_MINUTE=40,
        SIGCLEAN_FILES_PER_MINUTE=30,
        SIGCLEAN_MAX_FOLDER_MEGABYTES=8,
        FORWARDED_ALLOW_IPS="*",
        **environment,
    )
    yield running
    if running.process.poll() is None:
        running.stop()


def post(demo: Demo, path: str, body: Any, **headers: str) -> Answer:
    """POST JSON to a route of Gradio's."""
    data = body if isinstance(body, bytes) else json.dumps(body).encode()
    return ask(f"{demo.url}/gradio_api{path}", data, **{**JSON, **headers})


def events(demo: Demo) -> list[tuple[int, str | None, list[str]]]:
    """The number, the name and the kinds of the inputs of all events of the page."""
    config = ask(f"{demo.url}/config").json
    kinds = {component["id"]: component["type"] for component in config["components"]}
    return [
        (event["id"], event["api_name"] or None, [kinds[number] for number in event["inputs"]])
        for event in config["dependencies"]
        if event["backend_fn"]
    ]


def test_no_endpoint_and_no_component_fetches_an_address(watched: Demo) -> None:
    tried: set[str] = set()
    with listening() as (address, asked):
        for scheme, host in ((address, "a"), ("https://evil.invalid", "b")):
            for number, name, kinds in events(watched):
                for place, kind in enumerate(kinds):
                    bad = file_data(f"{scheme}/{host}-{number}-{place}.png")
                    nested = {"preview": bad, "items": [[bad]]}
                    for value, path in ((bad, "/queue/join"), (nested, "/run/predict")):
                        data = [value if at == place else None for at in range(len(kinds))]
                        body = {"data": data, "fn_index": number, "session_hash": "s"}
                        answer = post(watched, path, body)
                        assert (answer.status, sentence_of(answer)) == (400, NO_ADDRESS)
                        if name in ("clean", "clean_batch"):
                            answer = call(watched, name, *data)
                            assert answer.status in (400, 422)
                    tried.add(kind)
            for path in (f"{scheme}/x.png", f"{scheme.replace(':', '%3A')}/x.png"):
                answer = ask(f"{watched.url}/gradio_api/file={path}")
                assert (answer.status, sentence_of(answer)) == (400, NO_ADDRESS)
                assert ask(f"{watched.url}/gradio_api/proxy={path}").status == 404
            named = {"picture": file_data(f"{scheme}/x.png")}
            assert sentence_of(post(watched, "/call/v2/clean", named)) == NO_ADDRESS
        assert asked == []
    assert {"radio", "dropdown", "image", "file", "textbox"} <= tried
    looked_up = set(Path(watched.cache.parent / "names").read_text().split())
    assert not {name for name in looked_up if "evil" in name}


def test_behind_the_gate_gradios_own_ways_out_are_closed_too() -> None:
    script = """
import asyncio, gradio as gr, gradio.processing_utils, gradio.routes
from gradio.processing_utils import async_move_files_to_cache
from sigclean.demo.service.outgoing import fetch_nothing
fetch_nothing()
bad = {"path": "http://127.0.0.1:9/x.png", "meta": {"_type": "gradio.FileData"}}
kinds = [getattr(gr, name) for name in ("Radio", "Dropdown", "HTML", "Image", "File", "Textbox",
         "State", "ImageEditor", "Gallery", "JSON", "Slider", "DownloadButton")]
ways = [async_move_files_to_cache([bad], kind()) for kind in kinds]
ways += [gradio.routes.secure_url_stream_response(bad["path"], None)]
for way in ways:
    try:
        asyncio.run(way)
    except Exception as error:
        assert "addresses are not fetched" in str(error), (way, error)
    else:
        raise SystemExit(f"{way} fetched an address")
try:
    asyncio.run(gradio.processing_utils.async_ssrf_protected_get(bad["path"]))
except gr.Error:
    print("closed", len(ways))
"""
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True)
    assert done.stdout == "closed 13\n", done.stderr


FILE = file_data("/nowhere/x.png")


@pytest.mark.parametrize(
    ("path", "body", "status", "words"),
    [
        ("/call/nothing", {"data": []}, 404, "There is no such endpoint: choose /clean"),
        ("/call/v2/nothing", {}, 404, "There is no such endpoint"),
        ("/call/v2/clean", {"pic": FILE}, 422, "There is no parameter 'pic': choose picture, pen"),
        ("/call/v2/clean", {"pen": "blue"}, 422, "The parameter 'picture' is missing."),
        ("/call/v2/clean", {"picture": 5}, 422, "The picture has a wrong type"),
        ("/call/clean", {"data": [5]}, 422, "The value 1 has a wrong type: Noisy signature."),
        ("/call/clean", {"data": ["x"]}, 422, "wrong type"),
        ("/call/clean", {"data": [[[]]]}, 422, "wrong type"),
        ("/call/clean", {"data": []}, 422, "3 values are expected, not 0."),
        ("/call/clean", {"data": [None] * 9}, 422, "3 values are expected, not 9."),
        ("/call/clean", {"data": {}}, 422, "`data` must be a list of values."),
        ("/call/clean", {}, 422, "`data` must be a list of values."),
        ("/call/clean", [], 422, "The body is not a JSON object."),
        ("/call/clean", b"{", 400, "The body is not JSON."),
        ("/call/clean", b"", 400, "The body is not JSON."),
        ("/call/clean", b"[" * 100_000, 400, "The body is not JSON."),
        ("/call/clean_batch", {"data": [5, 5, 5, 5, 5]}, 422, "wrong type"),
        ("/call/clean", {"data": [{"path": 5, "meta": FILE["meta"]}]}, 422, "described wrongly"),
        ("/queue/join", {"data": [], "fn_index": 999, "session_hash": "s"}, 404, "no such event"),
        ("/queue/join", {"data": [], "fn_index": "0", "session_hash": "s"}, 422, "`fn_index`"),
        ("/run/predict", {"data": [], "fn_index": -1}, 404, "no such event"),
        ("/component_server", {"data": [], "component_id": 1}, 404, "nothing at this address"),
        ("/vibe-edit", {"prompt": "x"}, 404, "nothing at this address"),
        ("/queue/join?x", {"data": [None], "fn_index": 0, "session_hash": 5}, 422, "."),
    ],
)
def test_a_wrong_call_is_refused_in_one_sentence(
    watched: Demo, path: str, body: Any, status: int, words: str
) -> None:
    answer = post(watched, path, body)
    assert words in sentence_of(answer)
    assert answer.status == status


@pytest.mark.parametrize(
    "path",
    ["/queue/data?session_hash=guess", "/queue/data", "/call/clean/guess", "/call/v2/clean/guess"],
)
def test_a_guessed_session_is_not_known(watched: Demo, path: str) -> None:
    answer = ask(f"{watched.url}/gradio_api{path}")
    assert answer.status == 404
    assert "is not known here" in sentence_of(answer)


@pytest.mark.parametrize(
    "path",
    [
        *("/nothing", "/gradio_api/nothing", "/login", "/monitoring", "/gradio_api/deep_link"),
        *("/gradio_api/dev/reload", "/static/../../etc/passwd", "/api/nothing", "/assets/nothing"),
        *("/gradio_api/custom_component/1/a/b/c", "/gradio_api/file=/etc/passwd"),
        "/gradio_api/file=" + "x" * 5000,
    ],
)
def test_an_unknown_address_is_answered_in_one_sentence(watched: Demo, path: str) -> None:
    answer = ask(watched.url + path)
    assert answer.status in (403, 404)
    assert "passwd" not in sentence_of(answer)


def test_an_expired_download_says_so(watched: Demo) -> None:
    path = Path(upload(watched, b"x").json[0])
    assert ask(f"{watched.url}/gradio_api/file={path}").status == 200
    path.unlink()
    answer = ask(f"{watched.url}/gradio_api/file={path}")
    assert answer.status == 410
    assert sentence_of(answer).startswith("This file was deleted, as all are after a while")


def test_every_answer_has_the_headers_that_protect_it(watched: Demo) -> None:
    for path in ("/", "/config", "/gradio_api/info", "/api/queue", "/docs", "/nothing"):
        headers = ask(watched.url + path).headers
        assert headers["cache-control"] == "no-store"
        assert headers["x-content-type-options"] == "nosniff"
        assert headers["referrer-policy"] == "no-referrer"
        policy = headers["content-security-policy"]
        assert "default-src 'self'" in policy
        assert "frame-ancestors 'self'" in policy
        assert "'unsafe-inline'" not in policy.partition("script-src")[2].partition(";")[0]


@pytest.mark.parametrize(
    ("host", "is_own"),
    [
        ("localhost:7860", True),
        ("127.0.0.1", True),
        ("[::1]:7860", True),
        ("192.168.1.5:7860", True),
        ("clean.example.org", True),
        ("CLEAN.example.org.", True),
        ("a.example.net", True),
        ("example.net", False),
        ("evil.example.org", False),
        ("localhost.evil.com", False),
        ("127.0.0.1.evil.com", False),
    ],
)
def test_only_own_host_names_are_answered(watched: Demo, host: str, is_own: bool) -> None:
    answer = ask(f"{watched.url}/gradio_api/startup-events", Host=host)
    assert (answer.status != 421) == is_own
    if not is_own:
        assert "SIGCLEAN_HOSTS" in sentence_of(answer)
        forwarded = ask(f"{watched.url}/config", X_Forwarded_Host=host)
        assert forwarded.status == 421


def test_a_spaces_own_name_is_answered_and_its_proxies_are_trusted() -> None:
    space = {"SPACE_ID": "user/desk", "SPACE_HOST": "user-desk.hf.space"}
    assert "user-desk.hf.space" in own_names(space)
    assert trust_proxies(space) == PRIVATE_NETWORKS
    assert trust_proxies({**space, "FORWARDED_ALLOW_IPS": "10.1.2.3"}) is None
    assert trust_proxies({}) is None


def test_ports_and_brackets_are_no_part_of_a_name() -> None:
    given = ("a:1", "[::1]:80", "::1", "A.b.", "10.0.0.1:5", "")
    assert [name_of(one) for one in given] == ["a", "::1", "::1", "a.b", "10.0.0.1", ""]


def test_a_client_cannot_invent_the_address_that_counts(watched: Demo) -> None:
    body = [file_data(f"{watched.cache}/{number}.png") for number in range(20)]
    last = Answer(0, {}, b"")
    for number in range(4):
        forwarded = f"203.0.113.{number}, 198.51.100.7"
        last = post(watched, "/call/clean_batch", {"data": [body]}, X_Forwarded_For=forwarded)
    assert last.status == 429
    assert sentence_of(last).startswith("Too many files from your address: try again in ")
    other = post(watched, "/call/nothing", {"data": []}, X_Forwarded_For="198.51.100.8")
    assert other.status == 404


def test_bytes_of_a_client_are_limited(watched: Demo) -> None:
    statuses = [
        upload(watched, bytes(3_000_000), X_Forwarded_For="203.0.113.9").status for _ in range(20)
    ]
    assert 429 in statuses or 507 in statuses
    answer = ask(f"{watched.url}/api/clean", bytes(45_000_000), X_Forwarded_For="203.0.113.10")
    assert answer.status in (422, 507)  # a full bucket is enough for once
    again = ask(f"{watched.url}/api/clean", bytes(1_000_000), X_Forwarded_For="203.0.113.10")
    assert again.status == 429
    assert "Too many bytes from your address" in sentence_of(again)


@pytest.mark.parametrize("path", ["/api/clean", "/page/upload", "/gradio_api/upload"])
def test_bytes_of_a_body_without_a_length_count_as_they_come(path: str) -> None:
    chunks = [{"type": "http.request", "body": bytes(300_000), "more_body": True}] * 10
    read: list[int] = []

    async def read_all(scope: Scope, receive: Receive, send: Send) -> None:
        while (await receive())["more_body"]:
            read.append(300_000)

    async def nothing(message: Message) -> None:
        pass

    async def begin(limit: RateLimit) -> None:
        waiting = iter(chunks)

        async def receive() -> Message:
            return next(waiting)

        headers = [(b"transfer-encoding", b"chunked")]
        scope = {"type": "http", "method": "POST", "path": path, "headers": headers}
        await limit({**scope, "client": ("192.0.2.1", 1)}, receive, nothing)

    limit = RateLimit(read_all, Rates(megabytes=1))
    for allowed in (3, 3):  # the second request finds nothing left
        with pytest.raises(RefusedError, match="Too many bytes from your address"):
            asyncio.run(begin(limit))
        assert len(read) == allowed


def test_the_folder_of_uploads_has_a_limit(watched: Demo) -> None:
    answers = [
        upload(watched, bytes(3_000_000), f"{number}.png", X_Forwarded_For=f"192.0.2.{number}")
        for number in range(5)
    ]
    refused = [answer for answer in answers if answer.status != 200]
    assert {answer.status for answer in refused} == {507}
    assert sentence_of(refused[0]).startswith("This page has no room for more files now")


def test_uploads_at_once_share_the_room_that_is_left(tmp_path: Path) -> None:
    asked: list[int] = []

    async def read_all(scope: Scope, receive: Receive, send: Send) -> None:
        asked.append(1)
        while (await receive())["more_body"]:
            await asyncio.sleep(0)

    async def nothing(message: Message) -> None:
        pass

    async def post_at_once(limit: SizeLimit, size: int) -> list[Any]:
        async def one() -> None:
            parts = iter([(size // 2, True), (size - size // 2, False)])

            async def receive() -> Message:
                await asyncio.sleep(0)
                come, more = next(parts)
                return {"type": "http.request", "body": bytes(come), "more_body": more}

            headers = [(b"content-length", str(size).encode())]
            scope = {"type": "http", "method": "POST", "path": "/api/clean", "headers": headers}
            await limit(scope, receive, nothing)

        return await asyncio.gather(*(one() for _ in range(5)), return_exceptions=True)

    storage = Storage(tmp_path, 10)
    limit = SizeLimit(read_all, storage, 8_000_000, 8_000_000)
    outcomes = asyncio.run(post_at_once(limit, 4_000_000))
    assert len(asked) == 2
    assert [type(one) for one in outcomes].count(RefusedError) == 3
    assert storage.coming == 0


def test_a_request_that_is_too_large_is_refused_before_it_is_read(watched: Demo) -> None:
    answer = ask(
        f"{watched.url}/api/clean", b"x", Content_Length=str(10**9), X_Forwarded_For="192.0.2.99"
    )
    assert answer.status == 413
    assert "The request is larger than" in sentence_of(answer)


def test_nothing_of_all_this_is_in_the_log(watched: Demo) -> None:
    ask(f"{watched.url}/gradio_api/queue/data?session_hash={uuid.uuid4().hex}")
    said = watched.stop()
    assert "Traceback" not in said
    assert said.count("\n") < 5, said


def test_a_large_cost_needs_a_full_bucket_and_leaves_a_debt() -> None:
    now = 0.0
    buckets = TokenBuckets(60, lambda: now)
    assert buckets.take("a", 600) == 0
    assert buckets.take("a") == pytest.approx(541)
    buckets.charge("b", 59)
    assert buckets.take("b", 2) == pytest.approx(1)
    assert buckets.take("b") == 0


def test_parts_of_a_form_are_counted_across_chunks() -> None:
    body = b"".join(b"--mark\r\nname\r\n\r\n--not\r\n" for _ in range(7)) + b"--mark--\r\n"
    headers = Headers({"content-type": 'multipart/form-data; boundary="mark"'})
    for size in (1, 3, 8, 1000):
        parts = Parts(headers)
        chunks = [body[at : at + size] for at in range(0, len(body), size)]
        assert sum(parts.add(chunk) for chunk in chunks) == 7
