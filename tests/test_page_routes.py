"""The page's own addresses have the limits, the turns, the headers and the errors of the gate."""

from __future__ import annotations

import io
import json
import socket
import zipfile
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import demo_server
import pytest
from demo_server import PATIENCE, Answer, Demo, ask, sentence_of, start_demo
from pdfs import blank_pdf
from waiting import wait_until


@pytest.fixture(scope="module")
def narrow(tmp_path_factory: pytest.TempPathFactory, eraser_weights: Path) -> Iterator[Demo]:
    """A demo with narrow limits, which takes the addresses that clients forward for theirs."""
    running = start_demo(
        tmp_path_factory.mktemp("narrow"),
        eraser_weights,
        SIGCLEAN_CONCURRENCY=1,
        SIGCLEAN_MAX_QUEUE=4,
        SIGCLEAN_MAX_MEGABYTES=2,
        SIGCLEAN_FILES_PER_MINUTE=6,
        SIGCLEAN_REQUESTS_PER_MINUTE=100,
        FORWARDED_ALLOW_IPS="*",
    )
    yield running
    running.stop()


def post(demo: Demo, verb: str, asked: Any, visitor: str, **headers: str) -> Answer:
    return demo_server.post(demo, verb, asked, X_Forwarded_For=visitor, **headers)


def send(demo: Demo, path: Path, visitor: str) -> str:
    answer = post(demo, "upload?name=scan.png", path.read_bytes(), visitor)
    assert answer.status == 200, answer.body
    work: str = answer.json["work"]
    return work


def test_answers_have_the_pages_headers(narrow: Demo, noisy_file: Path) -> None:
    work = send(narrow, noisy_file, "192.0.2.1")
    cleaned = post(narrow, "clean", {"work": work}, "192.0.2.1")
    for answer in (cleaned, ask(f"{narrow.url}/{cleaned.json['png']['url']}")):
        assert answer.headers["cache-control"] == "no-store"
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert "default-src 'self'" in answer.headers["content-security-policy"]


def test_other_host_names_are_not_answered(narrow: Demo) -> None:
    answer = post(narrow, "forget", {}, "192.0.2.2", Host="evil.example.org")
    assert answer.status == 421
    assert "SIGCLEAN_HOSTS" in sentence_of(answer)


def test_uploads_and_cleanings_count_as_files(narrow: Demo, noisy_file: Path) -> None:
    work = send(narrow, noisy_file, "192.0.2.3")
    statuses = [post(narrow, "clean", {"work": work}, "192.0.2.3").status for _ in range(4)]
    assert statuses == [200] * 4
    items = {"items": [{"result": "x"}] * 6}
    refused = post(narrow, "zip", items, "192.0.2.3")
    assert refused.status == 429
    assert sentence_of(refused).startswith("Too many files from your address: try again in ")
    assert int(refused.headers["retry-after"]) > 0
    assert send(narrow, noisy_file, "192.0.2.4")


def test_a_document_of_more_pages_than_the_rate_is_extracted_and_leaves_a_debt(
    narrow: Demo,
) -> None:
    def extract() -> Answer:
        address = f"{narrow.url}/api/extract?format=json&dpi=50"
        return ask(address, blank_pdf(pages=8), X_Forwarded_For="192.0.2.8")

    found = extract()
    assert found.status == 200, found.body
    assert len(found.json["pages"]) == 8
    assert extract().status == 429


def test_what_was_made_for_a_client_that_has_left_is_deleted(
    narrow: Demo, noisy_file: Path
) -> None:
    work = send(narrow, noisy_file, "192.0.2.12")
    before = set(narrow.files())
    body = json.dumps({"work": work}).encode()
    host = narrow.url.partition("//")[2]
    address, port = host.split(":")
    with socket.create_connection((address, int(port)), PATIENCE) as leaving:
        head = f"POST /page/clean HTTP/1.1\r\nHost: {host}\r\nContent-Length: {len(body)}\r\n\r\n"
        leaving.sendall(head.encode() + body)
    answer = post(narrow, "clean", {"work": work}, "192.0.2.12").json  # its turn comes after
    keys = [answer["result"], *(answer[name].split("/")[2] for name in ("view", "before"))]
    assert post(narrow, "forget", {"keys": keys}, "192.0.2.12").status == 200
    wait_until(lambda: set(narrow.files()) == before)


def test_an_upload_has_the_limit_of_one_file(narrow: Demo) -> None:
    answer = post(narrow, "upload?name=big.png", bytes(3_050_000), "192.0.2.5")
    assert (answer.status, sentence_of(answer)) == (413, "big.png has more than 2 megabytes.")
    answer = post(narrow, "upload?name=big.png", bytes(20_000_000), "192.0.2.5")
    assert answer.status == 413
    assert "big.png" not in [path.name for path in narrow.files()]


def test_a_zip_holds_the_results_and_a_manifest_and_a_gone_one_spoils_it(
    narrow: Demo, noisy_file: Path
) -> None:
    work = send(narrow, noisy_file, "192.0.2.6")
    result = post(narrow, "clean", {"work": work}, "192.0.2.6").json["result"]
    asked = {"items": [{"result": result}, {"result": result}], "look": {"paper": "white"}}
    made = post(narrow, "zip", asked, "192.0.2.6").json
    content = ask(f"{narrow.url}/{made['url']}").body
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        assert archive.namelist() == ["scan.white.png", "scan.white-2.png", "manifest.jsonl"]
        lines = [json.loads(line) for line in archive.read("manifest.jsonl").splitlines()]
    assert [line["source"] for line in lines] == ["scan", "scan"]
    assert [line["target"] for line in lines] == ["scan.white.png", "scan.white-2.png"]
    post(narrow, "forget", {"keys": [result]}, "192.0.2.6")
    gone = post(narrow, "zip", {**asked, "items": [{"result": result}]}, "192.0.2.6")
    assert gone.status == 410
    assert "was deleted" in sentence_of(gone)


def test_a_full_queue_refuses_the_page_too_and_who_waits_knows_the_place(
    narrow: Demo, noisy_file: Path
) -> None:
    works = {f"198.51.100.{n}": send(narrow, noisy_file, f"198.51.100.{n}") for n in range(40)}
    places = set[int]()

    def clean(visitor: str) -> Answer:
        ticket = f"t{visitor}"
        return post(narrow, "clean", {"work": works[visitor]}, visitor, X_Ticket=ticket)

    with ThreadPoolExecutor(40) as visitors:
        waiting = [visitors.submit(clean, visitor) for visitor in works]

        def seen() -> bool:
            for visitor in works:
                places.add(ask(f"{narrow.url}/page/place/t{visitor}").json["place"])
            return all(one.done() for one in waiting)

        wait_until(seen)
    answers = [one.result() for one in waiting]
    assert {answer.status for answer in answers} <= {200, 503}
    assert 200 in [answer.status for answer in answers]
    refused = next(answer for answer in answers if answer.status == 503)
    assert sentence_of(refused) == "Too many pictures wait to be cleaned: try again in a minute."
    assert max(places) >= 1
    assert ask(f"{narrow.url}/page/place/t198.51.100.0").json == {"place": 0}
