"""The options of `/api`: what may be asked for, in the address or as fields of a form."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from sigclean.bulk.picture_worker import OutputStyle
from sigclean.compositing.ink_colour import COLOURS
from sigclean.demo.appearance import INKS, PAPERS, SIZES
from sigclean.demo.service.problems import RefusedError
from sigclean.documents.page import DPI
from sigclean.errors import ImageError, SigcleanError, TooLargeError, one_line
from sigclean.views.inversion import INVERT

FORMATS = {"png": "image/png", "webp": "image/webp", "jpeg": "image/jpeg", "svg": "image/svg+xml"}


@dataclass(frozen=True)
class Option:
    """An option.

    Attributes:
        choices: all its values, or none where it has too many.
        default: the value where none is given; empty for one that depends.
    """

    name: str
    meaning: str
    default: str = ""
    choices: tuple[str, ...] = ()


_PAPER = Option("paper", "the ground; JPEG has white paper alone", PAPERS[0], PAPERS)
_SIZE = Option("size", "the input's own size, or cut to the ink with a margin", SIZES[0], SIZES)
_INK = Option(
    "ink", f"the colour of the strokes: {', '.join(INKS)}, or #rrggbb (in an address %23rrggbb)",
    INKS[0],
)  # fmt: skip
_PEN = Option(
    "pen",
    "the colour of the signature's ink, if it is known, so that ink of other colours is erased: "
    f"auto, {', '.join(COLOURS)}, or #rrggbb",
    "auto",
)
_INVERT = Option("invert", "turn bright ink on dark paper into dark on white", "auto", INVERT)
_WINDOW = Option(
    "window", "clean whole pages in windows: auto, none, or the side of a window in pixels", "auto"
)
_DOCUMENT = (
    Option("password", "opens an encrypted PDF; send it as a field of a form"),
    Option("dpi", "dots per inch at which a PDF is drawn", str(DPI)),
    Option("model", "one of the models that the page offers; the first unless it is named"),
)

CLEAN = (
    *(_PAPER, _SIZE, _INK, _PEN),
    Option("format", "the kind of file", "png", tuple(FORMATS)),
    *(_WINDOW, _INVERT),
    Option("page", "the page of a PDF, TIFF or HEIC of several pages"),
    *_DOCUMENT,
)
EXTRACT = (
    *(_PAPER, _SIZE, _INK, _PEN),
    Option("format", "the kind of the files in the zip, or json", "png", (*FORMATS, "json")),
    *(_INVERT, *_DOCUMENT),
)


def read_options(given: Iterable[tuple[str, str]], known: tuple[Option, ...]) -> dict[str, str]:
    """The values of all options, the default where none is given.

    Raises RefusedError for unknown names, names that are there twice, and unknown values.
    """
    options = {option.name: option for option in known}
    values: dict[str, str] = {}
    for name, value in given:
        if name not in options:
            raise RefusedError(
                422, f"There is no option {name[:40]!r}: choose {', '.join(options)}."
            )
        if name in values:
            raise RefusedError(422, f"The option {name!r} is there twice.")
        choices = options[name].choices
        if choices and value not in choices:
            raise RefusedError(422, f"{name} is {' or '.join(choices)}, not {value[:40]!r}.")
        values[name] = value
    if values.get("format") in ("jpeg", "svg") and (paper := values.get("paper")):
        fits = {"jpeg": "white", "svg": "transparent"}[values["format"]]
        if paper != fits:
            sentence = f"Results as {values['format']} have {fits} paper: leave out paper."
            raise RefusedError(422, sentence)
    return {**{name: option.default for name, option in options.items()}, **values}


def style_of(options: Mapping[str, str]) -> OutputStyle:
    """The appearance of results. Raises RefusedError if an option has an unknown value."""
    style = OutputStyle(
        transparent=options["paper"] == "transparent" and options["format"] not in ("jpeg", "svg"),
        crop=options["size"] == "cropped",
        ink=None if options["ink"] == INKS[0] else options["ink"],
        svg=options["format"] == "svg",
        window=_window(options.get("window", "none")),
        pen=options["pen"],
        invert=options["invert"],
    )
    try:
        style.check()
    except SigcleanError as error:
        raise RefusedError(422, sentence_of(error)) from None
    return style


def whole_number(options: Mapping[str, str], name: str, least: int = 1) -> int | None:
    """The value of an option that is a number; None where it is empty. Raises RefusedError."""
    text = options[name]
    if not text:
        return None
    if not (text.isascii() and text.isdecimal() and len(text) < 10 and int(text) >= least):
        raise RefusedError(422, f"{name} is a whole number from {least} up, not {text[:40]!r}.")
    return int(text)


def sentence_of(error: SigcleanError) -> str:
    """The sentence of an error, which begins with a capital letter unless that is a file's name."""
    text = one_line(error)
    named = isinstance(error, ImageError) and not isinstance(error, TooLargeError)
    return f"{text}." if named else f"{text[:1].upper()}{text[1:]}."


def _window(text: str) -> int | str | None:
    if text == "none":
        return None
    return int(text) if text.isascii() and text.isdecimal() and len(text) < 10 else text
