"""`sigclean clean`: pictures in, clean PNG files of the same size out."""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, nullcontext
from functools import partial
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO

from sigclean.errors import ImageError, SigcleanError, one_line

if TYPE_CHECKING:
    from PIL import Image

    from sigclean.cleaner import SignatureCleaner
    from sigclean.jobs import Job
    from sigclean.manifest import Manifest

PIXELS_AT_ONCE = 30_000_000  # a batch of large pictures ends early, so that memory stays flat

EPILOG = """\
examples:
  sigclean clean scan.jpg                      writes scan.clean.png beside it
  sigclean clean scan.jpg -o signature.png --transparent --crop
  sigclean clean scans -r -o cleaned --skip-existing --manifest cleaned.jsonl
  sigclean clean - < scan.jpg > clean.png

Broken files are named and left out; the exit status is then 1.
"""


def add_parser(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the command and its options."""
    parser = subparsers.add_parser(
        "clean",
        help="clean pictures of signatures",
        description="Clean pictures of signatures. Results are PNG files of the input's own size.",
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument(
        "inputs",
        nargs="+",
        metavar="INPUT",
        help="files, folders, globs, or - for standard input to standard output",
    )
    parser.add_argument(
        "-o",
        "--output",
        metavar="OUT",
        help="a folder, a .png file for a single input, or - for standard output "
        "(default: <stem>.clean.png beside each input)",
    )
    parser.add_argument(
        "-r", "--recursive", action="store_true", help="also clean what is in sub-folders"
    )
    parser.add_argument(
        "--skip-existing", action="store_true", help="leave results that are already there"
    )
    parser.add_argument(
        "--manifest",
        type=Path,
        metavar="FILE.jsonl",
        help="add a line of JSON for each picture: status, size, milliseconds, ink, warnings",
    )
    _add_result_options(parser)
    _add_model_options(parser)
    parser.set_defaults(run=run)


def _add_result_options(parser: argparse.ArgumentParser) -> None:
    group = parser.add_argument_group("result")
    group.add_argument(
        "--transparent", action="store_true", help="the ink alone, on a transparent ground"
    )
    group.add_argument("--crop", action="store_true", help="cut to the ink, with a margin")
    group.add_argument("--raw", action="store_true", help="the network's own picture, less sharp")


def _add_model_options(parser: argparse.ArgumentParser) -> None:
    group = parser.add_argument_group("model")
    group.add_argument(
        "--weights", metavar="PATH|USER/REPO", help="a weights folder or a Hub repository"
    )
    group.add_argument("--revision", help="branch, tag or commit of the Hub repository")
    group.add_argument(
        "--device", default="auto", choices=("auto", "cpu", "cuda", "mps", "coreml", "directml")
    )
    group.add_argument("--runtime", default="auto", choices=("auto", "torch", "onnx", "openvino"))
    group.add_argument(
        "--batch-size",
        type=_positive,
        default=8,
        metavar="N",
        help="pictures that go through the network at once (default: 8)",
    )


def _positive(text: str) -> int:
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"expected a whole number from 1 up, not {text!r}")
    return int(text)


def run(args: argparse.Namespace) -> int:
    """Clean; returns 0, or 1 when a picture could not be cleaned."""
    if "-" in args.inputs or args.output == "-":
        return _clean_stream(args)
    from sigclean.jobs import plan

    jobs = plan(args.inputs, args.output, args.recursive)
    done = [job for job in jobs if args.skip_existing and job.target.exists()]
    todo = [job for job in jobs if job not in set(done)]
    if done:
        print(f"sigclean: skipped {len(done)} of {len(jobs)}: done", file=sys.stderr)
    with _manifest(args, todo) as manifest:
        if manifest:
            for job in done:
                manifest.skipped(job)
        failed = _clean_files(todo, args, manifest) if todo else 0
    if failed and len(todo) > 1:
        message = f"sigclean: {failed} of {len(todo)} pictures could not be cleaned"
        print(message, file=sys.stderr)
    return 1 if failed else 0


def _manifest(args: argparse.Namespace, todo: list[Job]) -> AbstractContextManager[Manifest | None]:
    from sigclean.manifest import Manifest

    return Manifest(args.manifest, again=todo) if args.manifest else nullcontext()


def _clean_stream(args: argparse.Namespace) -> int:
    """One picture from standard input, to standard output, or both."""
    from sigclean.images import read_image, write_png
    from sigclean.jobs import plan

    if args.manifest:
        raise SigcleanError("a manifest is for files: standard input and output have none")
    if len(args.inputs) > 1:
        raise SigcleanError("standard input or output takes a single picture")
    if args.output in (None, "-"):
        write: Callable[[Image.Image], None] = _write_stdout
        if sys.stdout is None:
            raise SigcleanError("standard output is closed")
        if sys.stdout.isatty():
            raise SigcleanError("no picture goes to a terminal: redirect the output, or give -o")
    else:
        write = partial(write_png, path=plan(["stdin"], args.output)[0].target)
    image = read_image(_standard_input() if args.inputs == ["-"] else args.inputs[0])
    write(_load(args)(image, **_options(args)))
    return 0


def _standard_input() -> BinaryIO:
    if sys.stdin is None:
        raise SigcleanError("standard input is closed")
    return sys.stdin.buffer


def _write_stdout(image: Image.Image) -> None:
    """Encoded in memory first, so that nothing is half-written here either."""
    encoded = BytesIO()
    image.save(encoded, "PNG")
    try:
        sys.stdout.buffer.write(encoded.getbuffer())
        sys.stdout.buffer.flush()
    except BrokenPipeError:
        raise  # whoever reads has seen enough: no error to talk about
    except OSError as error:
        raise SigcleanError(f"standard output cannot be written: {error.strerror}") from error


def _clean_files(jobs: list[Job], args: argparse.Namespace, manifest: Manifest | None) -> int:
    """Clean what can be read, name what cannot; returns the number of the latter."""
    from tqdm import tqdm

    from sigclean.images import write_png

    cleaner = _load(args)
    done = 0
    with tqdm(total=len(jobs), unit="picture", disable=not sys.stderr.isatty()) as progress:
        for batch in _read_batches(jobs, args.batch_size, progress, manifest):
            images = [image for _, image in batch]
            begun = time.perf_counter()
            results = cleaner(images, batch_size=args.batch_size, **_options(args))
            milliseconds = 1000 * (time.perf_counter() - begun) / len(batch)
            for (job, image), result in zip(batch, results, strict=True):
                write_png(result, job.target)
                if manifest:
                    manifest.cleaned(job, image, result, milliseconds)
                progress.update()
            done += len(batch)
    return len(jobs) - done


def _read_batches(
    jobs: list[Job], size: int, progress: Any, manifest: Manifest | None
) -> Iterator[list[tuple[Job, Image.Image]]]:
    """Runs of at most `size` pictures that can be read; the others are reported by name."""
    from sigclean.images import read_image

    batch: list[tuple[Job, Image.Image]] = []
    pixels = 0
    for job in jobs:
        try:
            image = read_image(job.source)
        except ImageError as error:
            progress.write(f"sigclean: {one_line(error)}", file=sys.stderr)
            if manifest:
                manifest.failed(job, error)
            progress.update()
            continue
        batch.append((job, image))
        pixels += image.width * image.height
        if len(batch) == size or pixels >= PIXELS_AT_ONCE:
            yield batch
            batch, pixels = [], 0
    if batch:
        yield batch


def _load(args: argparse.Namespace) -> SignatureCleaner:
    from sigclean.cleaner import SignatureCleaner

    return SignatureCleaner.from_pretrained(
        args.weights, revision=args.revision, device=args.device, runtime=args.runtime
    )


def _options(args: argparse.Namespace) -> dict[str, bool]:
    return {"transparent": args.transparent, "crop": args.crop, "raw": args.raw}
