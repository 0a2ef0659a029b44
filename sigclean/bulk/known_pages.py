"""The names of an extraction's pages and signatures, and what its manifest knows of them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from sigclean.bulk.jobs import Job
from sigclean.bulk.manifest import FAILED, UNSIGNED
from sigclean.bulk.manifest_lines import read_lines
from sigclean.bulk.real_paths import RealPaths
from sigclean.bulk.signature_places import signature_target

_NUMBER = "&signature="  # part of a signature's name in manifests


def page_name(job: Job) -> str:
    """Name a page in manifests, also the only one of a picture."""
    return f"{job.source}#page={max(job.page, 1)}"


def signature_name(job: Job, number: int) -> str:
    """Name a signature of a page in manifests."""
    return f"{page_name(job)}{_NUMBER}{number}"


def page_of(name: str) -> str:
    """Return the name of the page of a signature, or of a page."""
    return name.rpartition(_NUMBER)[0] or name


def finished_pages(manifest: Path) -> dict[str, str]:
    """Return the pages that a manifest knows as finished, by name, with the result of the first
    signature, which is written last, and exists; an empty text for a page without one. A page of
    which another result cannot be written is not finished."""
    last: dict[str, str] = {}
    failed: set[str] = set()
    for line in read_lines(manifest):
        if line["status"] == FAILED:
            failed.add(line["source"])
        elif line["status"] == UNSIGNED or line["source"].endswith(f"{_NUMBER}1"):
            last[page_of(line["source"])] = line["target"]
    return {
        page: target
        for page, target in last.items()
        if page not in failed and (not target or Path(target).exists())
    }


def known_pages(manifest: Path) -> dict[str, set[str]]:
    """Return the results of every page that a manifest knows, by the page's name."""
    pages: dict[str, set[str]] = {}
    for line in filter(_is_extracted, read_lines(manifest)):
        pages.setdefault(page_of(line["source"]), set()).add(line["target"])
    return pages


def real_results(pages: Mapping[str, Iterable[str]]) -> set[str]:
    """Return the results of pages, see `known_pages`, as paths without links."""
    places = RealPaths()
    return {places.of(Path(one)) for results in pages.values() for one in results if one}


def _is_extracted(line: Mapping[str, Any]) -> bool:
    """Tell whether an extraction wrote a manifest's line, and not a cleaning."""
    return _NUMBER in line["source"] or line["status"] in (FAILED, UNSIGNED)


def is_finished(job: Job, finished: Mapping[str, str], svg: bool = False) -> bool:
    """Tell whether a page is among the finished ones, and its results are where this run would
    write them, with their drawings if there are to be some."""
    target = finished.get(page_name(job))
    if not target:
        return target == ""
    is_there = Path(target) == signature_target(job, 1)
    return is_there and (not svg or Path(target).with_suffix(".svg").exists())


def report_rows(
    lines: Iterable[Mapping[str, Any]],
) -> Iterator[tuple[str, int | str, int | str, float | str, str]]:
    """Yield file, page, number of signatures, best score and error of each page that a manifest's
    lines know; of a broken page the numbers are empty, of a broken shard the page as well."""
    pages: dict[str, list[Mapping[str, Any]]] = {}
    for line in {line["source"]: line for line in lines}.values():
        if _is_extracted(line):
            pages.setdefault(page_of(line["source"]), []).append(line)
    for name, lines in pages.items():
        file, page = _file_and_page(name)
        scores = [line["score"] for line in lines if "score" in line]
        errors = [line["error"] for line in lines if "error" in line]
        if errors:
            yield file, page, "", "", errors[0]
        else:
            yield file, page, len(scores), max(scores, default=""), ""


def _file_and_page(name: str) -> tuple[str, int | str]:
    file, _, page = name.rpartition("#page=")
    return (file, int(page)) if page.isdecimal() and file else (name, "")
