"""The kinds of real pictures that `robustness.py` measures, drawn on signatures of the project.

Each is drawn by other means than the noise of training, and it is known pixel by pixel what should
stay and what should go.
"""

from __future__ import annotations

import io
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageDraw, ImageFont

from sigclean.drawn import draw_signature

Float = npt.NDArray[np.floating[Any]]
Mask = npt.NDArray[np.bool_]
Rng = np.random.Generator

WIDTH, HEIGHT = 760, 360  # pixels of a picture
INKED = 0.35  # darkness from which a pixel of the truth counts
WORDS = "its authorised officer, place and date of issue, subject to the terms overleaf "
GREY_PEN = (0.5, 0.5, 0.52)


@dataclass(frozen=True)
class Probe:
    """A noisy picture (HxWx3 in [0, 1]), and which pixels should stay and which should go."""

    noisy: Float
    stay: Mask
    go: Mask


@dataclass(frozen=True)
class Kind:
    """A row: how its pictures are made, and what is asked of them in per cent."""

    name: str
    make: Callable[[Rng], Probe]
    least_kept: float | None = None
    most_staying: float | None = None


def to_image(picture: Float) -> Image.Image:
    """RGB of 8 bits."""
    return Image.fromarray(np.rint(np.clip(picture, 0, 1) * 255).astype(np.uint8))


def darkness(picture: Float) -> Float:
    """HxW, of the darkest channel."""
    return np.asarray(1 - picture.min(axis=2), np.float32)


def signature(
    rng: Rng, colour: tuple[float, float, float] | None = None, finer: bool = False
) -> Float:
    """A drawn signature, in the middle of a white page, in a colour if one is given."""
    drawn = draw_signature(rng, int(WIDTH * 0.72))
    drawn.thumbnail((int(WIDTH * 0.72), int(HEIGHT * 0.8)))
    page = Image.new("RGB", (WIDTH, HEIGHT), "white")
    page.paste(drawn, ((WIDTH - drawn.width) // 2, (HEIGHT - drawn.height) // 2))
    pixels = np.asarray(page, np.float32) / 255
    if colour is None and not finer:
        return pixels
    cover = darkness(pixels)
    cover = cover / max(float(np.percentile(cover[cover > 0.1], 85)), 0.1)
    return on_white(np.clip(cover, 0, 1), colour or (0.1, 0.1, 0.12))


def on_white(cover: Float, colour: tuple[float, float, float]) -> Float:
    """Ink of a colour where `cover` (HxW) is 1."""
    ink = np.asarray(colour, np.float32)
    return (1 + cover[..., None] * (ink - 1)).astype(np.float32)


def drawing(paint: Callable[[ImageDraw.ImageDraw], object], degrees: float = 0) -> Float:
    """HxW coverage of what is painted, smooth-edged, turned about the middle.

    `paint` draws in black on a canvas of twice the picture's size, whose middle half is seen.
    """
    fine = 2  # pixels a pixel
    canvas = Image.new("L", (2 * WIDTH * fine, 2 * HEIGHT * fine), 255)
    paint(ImageDraw.Draw(canvas))
    canvas = canvas.rotate(degrees, Image.Resampling.BICUBIC, fillcolor=255)
    left, top = WIDTH * fine // 2, HEIGHT * fine // 2
    seen = canvas.crop((left, top, left + WIDTH * fine, top + HEIGHT * fine))
    small = seen.resize((WIDTH, HEIGHT), Image.Resampling.BOX)
    return 1 - np.asarray(small, np.float32) / 255


def place(x: float, y: float) -> tuple[float, float]:
    """A pixel of the picture on the canvas of `drawing`."""
    return 2 * (x + WIDTH / 2), 2 * (y + HEIGHT / 2)


def probe(ink: Float, cover: Float, colour: tuple[float, float, float]) -> Probe:
    """Ink with something printed over it, which should go wherever the ink is not."""
    noisy = ink * on_white(cover, colour)
    return Probe(noisy, inked(ink), (cover > 0.5) & ~near(inked(ink)))


def inked(ink: Float) -> Mask:
    """Pixels of strokes."""
    return np.asarray(darkness(ink) > INKED)


def near(mask: Mask, reach: int = 3) -> Mask:
    """The mask and what lies within some pixels of it."""
    grown = mask.copy()
    for _ in range(reach):
        wide = grown.copy()
        wide[1:] |= grown[:-1]
        wide[:-1] |= grown[1:]
        wide[:, 1:] |= grown[:, :-1]
        wide[:, :-1] |= grown[:, 1:]
        grown = wide
    return grown


def photographed(rng: Rng, one: Probe) -> Probe:
    """The same in uneven warm light, with a sensor's noise, through JPEG."""
    x = np.linspace(-1, 1, WIDTH)[None, :, None]
    y = np.linspace(-1, 1, HEIGHT)[:, None, None]
    slope = rng.uniform(-0.18, 0.18, 2)
    light = (0.78 + slope[0] * x + slope[1] * y) * np.array([1, 0.96, 0.88])
    taken = one.noisy * light + rng.normal(0, 0.012, one.noisy.shape)
    file = io.BytesIO()
    to_image(taken.astype(np.float32)).save(file, "JPEG", quality=int(rng.integers(75, 95)))
    return Probe(np.asarray(Image.open(file), np.float32) / 255, one.stay, one.go)


def rules_at(degrees: float) -> Callable[[Rng], Probe]:
    """Ruled paper that was turned, photographed."""

    def make(rng: Rng) -> Probe:
        pitch, thick = rng.uniform(38, 80), int(rng.integers(2, 6))

        def paint(draw: ImageDraw.ImageDraw) -> None:
            for y in np.arange(0, 2 * HEIGHT, pitch):
                draw.line((0, 2 * y, 4 * WIDTH, 2 * y), fill=0, width=thick)

        colour = [(0.25, 0.3, 0.55), (0.15, 0.15, 0.15), (0.5, 0.5, 0.55)][int(rng.integers(3))]
        turned = degrees * float(rng.choice((-1, 1)))
        return photographed(rng, probe(signature(rng), drawing(paint, turned), colour))

    return make


def print_at(degrees: float) -> Callable[[Rng], Probe]:
    """Lines of print across and around the strokes, turned."""

    def make(rng: Rng) -> Probe:
        size = int(rng.integers(16, 27))
        font = ImageFont.load_default(2 * size)

        def paint(draw: ImageDraw.ImageDraw) -> None:
            for y in np.arange(0, 2 * HEIGHT, size * rng.uniform(2, 4)):
                draw.text((0, 2 * y), WORDS * 3, fill=0, font=font)

        turned = degrees * float(rng.choice((-1, 1)))
        return probe(signature(rng), drawing(paint, turned), (0.08, 0.08, 0.08))

    return make


def black_bar(colour: tuple[float, float, float] | None) -> Callable[[Rng], Probe]:
    """A signature between black strips at some of the picture's edges."""

    def make(rng: Rng) -> Probe:
        ink = signature(rng, colour)
        sides = rng.integers(0, 2, 4)
        sides[int(rng.integers(4))] = 1
        widths = [(int(rng.uniform(12, 90)) * int(one),) * 2 for one in sides]
        around = ((widths[0][0], widths[1][0]), (widths[2][0], widths[3][0]))
        stay = np.pad(inked(ink), around)
        bars = np.pad(np.zeros(stay.shape, bool)[: ink.shape[0], : ink.shape[1]], around,
                      constant_values=True)  # fmt: skip
        noisy = np.pad(ink, (*around, (0, 0)))
        return Probe(noisy, stay, bars)

    return make


def with_dots(far: bool, dirty: bool = False) -> Callable[[Rng], Probe]:
    """Dots in the writer's ink, alone or among single black pixels; only they are looked at."""

    def make(rng: Rng) -> Probe:
        ink = signature(rng)
        rows, columns = np.nonzero(inked(ink))
        spots: list[tuple[float, float, float]] = []
        while len(spots) < 4:
            at, angle = int(rng.integers(len(rows))), rng.uniform(0, 2 * np.pi)
            reach = WIDTH * (rng.uniform(0.08, 0.16) if far else rng.uniform(0.02, 0.05))
            x, y = columns[at] + reach * np.cos(angle), rows[at] + reach * np.sin(angle)
            if 12 < x < WIDTH - 12 and 12 < y < HEIGHT - 12:
                spots.append((x, y, WIDTH * rng.uniform(0.004, 0.013)))
        cover = drawing(lambda draw: discs(draw, spots))
        colour = np.median(ink[inked(ink)], axis=0)
        noisy = ink * on_white(cover, (colour[0], colour[1], colour[2]))
        specks = (rng.random(cover.shape) < 0.004) & ~near(inked(ink)) & ~near(cover > 0.2)
        if dirty:
            noisy = np.where(specks[..., None], 0.1, noisy).astype(np.float32)
        return Probe(noisy, cover > 0.6, specks if dirty else np.zeros_like(specks))

    return make


def discs(draw: ImageDraw.ImageDraw, spots: list[tuple[float, float, float]]) -> None:
    """Filled circles: middle and radius in pixels of the picture."""
    for x, y, radius in spots:
        draw.ellipse((*place(x - radius, y - radius), *place(x + radius, y + radius)), fill=0)


def outline(
    rng: Rng, colour: tuple[float, float, float], thick: int, words: str = ""
) -> tuple[Float, tuple[float, float, float]]:
    """A bold ring, box or triangle about the middle, turned, with a word in it."""
    kind, half = int(rng.integers(3)), rng.uniform(60, 140)
    x, y = WIDTH / 2 + rng.normal(0, 60), HEIGHT / 2 + rng.normal(0, 20)
    left, top = place(x - 1.5 * half, y - half)
    right, bottom = place(x + 1.5 * half, y + half)

    def paint(draw: ImageDraw.ImageDraw) -> None:
        if kind == 0:
            draw.ellipse((left, top, right, bottom), outline=0, width=2 * thick)
        elif kind == 1:
            draw.rectangle((left, top, right, bottom), outline=0, width=2 * thick)
        else:
            corners = [(left, bottom), ((left + right) / 2, top), (right, bottom), (left, bottom)]
            draw.line([*corners, corners[1]], fill=0, width=2 * thick, joint="curve")
        if words:
            middle = ((left + right) / 2, (top + bottom) / 2)
            draw.text(middle, words, fill=0, font=ImageFont.load_default(36), anchor="mm")

    return drawing(paint, float(rng.uniform(-25, 25))), colour


def bold_frame(rng: Rng) -> Probe:
    """A bold coloured outline over a thin grey pen."""
    colours = ((0.05, 0.15, 0.7), (0.75, 0.1, 0.12), (0.4, 0.1, 0.55), (0.1, 0.5, 0.2))
    cover, colour = outline(rng, colours[int(rng.integers(4))], int(rng.integers(3, 9)))
    return probe(signature(rng, GREY_PEN), cover, colour)


def own_colour(rng: Rng) -> Probe:
    """A stamp with a word in it, of the pen's own colour."""
    colour = ((0.1, 0.2, 0.6), (0.7, 0.1, 0.15), (0.1, 0.1, 0.12))[int(rng.integers(3))]
    cover, _ = outline(rng, colour, int(rng.integers(2, 5)), "ARCHIVE COPY 12 MAR")
    return probe(signature(rng, colour), cover, colour)


def coloured(ink: tuple[float, float, float], paper: tuple[float, float, float]) -> Kind:
    """Opaque ink on coloured paper with a little grain."""

    def make(rng: Rng) -> Probe:
        white = signature(rng, (0, 0, 0))
        cover = darkness(white)[..., None]
        sheet = np.asarray(paper, np.float32) + rng.normal(0, 0.012, (HEIGHT, WIDTH, 1))
        noisy = sheet + cover * (np.asarray(ink, np.float32) - sheet)
        bare = ~near(inked(white), 4)
        return Probe(noisy.astype(np.float32), cover[..., 0] > 0.6, bare)

    name = f"ink {hexed(ink)} on paper {hexed(paper)}"
    return Kind(name, make, least_kept=95, most_staying=0.5)


def hexed(colour: tuple[float, float, float]) -> str:
    """#rrggbb."""
    return "#" + "".join(f"{round(255 * part):02x}" for part in colour)


def straight(rng: Rng) -> Probe:
    """A long opening stroke and a slanted underline of the writer's; level rules go."""
    ink = signature(rng, (0.1, 0.1, 0.14))
    slant = rng.uniform(0.04, 0.16) * float(rng.choice((-1, 1)))

    def paint(draw: ImageDraw.ImageDraw) -> None:
        for y, thick in ((HEIGHT * 0.84, 6), (HEIGHT * rng.uniform(0.1, 0.5), 5)):
            start, length = rng.uniform(90, 220), rng.uniform(250, 420)
            first, last = place(start, y), place(start + length, y - slant * length)
            draw.line((*first, *last), fill=0, width=thick)
            for x, end in (first, last):
                draw.ellipse((x - 3, end - 3, x + 3, end + 3), fill=0)

    def paint_rules(draw: ImageDraw.ImageDraw) -> None:
        for y in (0.3, 0.62, 0.93):
            draw.line((*place(-40, y * HEIGHT), *place(WIDTH + 40, y * HEIGHT)), fill=0, width=3)

    strokes, rules = drawing(paint), drawing(paint_rules)
    noisy = ink * on_white(strokes, (0.1, 0.1, 0.14)) * on_white(rules, (0.35, 0.38, 0.5))
    own = inked(ink) | (strokes > 0.5)
    return Probe(noisy, strokes > 0.6, (rules > 0.5) & ~near(own))


def hatched(rng: Rng) -> Probe:
    """Dense hatching by the writer's hand over the name, and print beside it."""
    ink = signature(rng, (0.12, 0.12, 0.15))
    x0, y0, lean = rng.uniform(180, 420), rng.uniform(90, 190), rng.uniform(-25, 25)
    pitch = rng.uniform(5, 10)

    def paint(draw: ImageDraw.ImageDraw) -> None:
        for i in range(22):
            x = x0 + i * pitch + rng.normal(0, 0.7)
            draw.line((*place(x + lean, y0), *place(x, y0 + 70)), fill=0, width=4)

    def paint_words(draw: ImageDraw.ImageDraw) -> None:
        draw.text(place(40, HEIGHT - 34), "Managing Director", fill=0,
                  font=ImageFont.load_default(44))  # fmt: skip

    strokes, words = drawing(paint), drawing(paint_words)
    noisy = ink * on_white(strokes, (0.12, 0.12, 0.15)) * on_white(words, (0.1, 0.1, 0.1))
    own = inked(ink) | (strokes > 0.5)
    return Probe(noisy, strokes > 0.6, (words > 0.5) & ~near(own))


def capitals_on_rule(rng: Rng) -> Probe:
    """A name in separate capitals made of strokes, by hand, on a printed rule."""
    strokes = list(rng.choice(list(CAPITALS), int(rng.integers(5, 10))))
    tall = rng.uniform(55, 95)
    wide = min(tall * 0.95, 0.85 * WIDTH / len(strokes))
    base = HEIGHT * rng.uniform(0.55, 0.75)

    def paint(draw: ImageDraw.ImageDraw) -> None:
        for i, letter in enumerate(strokes):
            for line in CAPITALS[letter]:
                points = np.array(line) * [0.72 * wide, -tall] + rng.normal(0, 2.0, (len(line), 2))
                points += [0.08 * WIDTH + i * wide, base]
                draw.line([place(*point) for point in points], fill=0, width=6, joint="curve")

    def paint_rule(draw: ImageDraw.ImageDraw) -> None:
        draw.line((*place(0, base + 4), *place(WIDTH, base + 4)), fill=0, width=3)

    name, rule = drawing(paint), drawing(paint_rule)
    noisy = on_white(name, (0.1, 0.13, 0.4)) * on_white(rule, (0.2, 0.2, 0.2))
    return Probe(noisy, name > 0.6, (rule > 0.5) & ~near(name > 0.3))


CAPITALS: dict[
    str, list[list[tuple[float, float]]]
] = {  # corners of each stroke, x and y from 0 to 1
    "A": [[(0, 0), (0.5, 1), (1, 0)], [(0.2, 0.4), (0.8, 0.4)]],
    "E": [[(1, 1), (0, 1), (0, 0), (1, 0)], [(0, 0.5), (0.8, 0.5)]],
    "H": [[(0, 0), (0, 1)], [(1, 0), (1, 1)], [(0, 0.5), (1, 0.5)]],
    "K": [[(0, 0), (0, 1)], [(0.9, 1), (0, 0.45), (1, 0)]],
    "L": [[(0, 1), (0, 0), (0.9, 0)]],
    "M": [[(0, 0), (0.1, 1), (0.5, 0.3), (0.9, 1), (1, 0)]],
    "N": [[(0, 0), (0, 1), (1, 0), (1, 1)]],
    "R": [[(0, 0), (0, 1), (0.7, 1), (0.9, 0.75), (0.7, 0.5), (0, 0.5), (1, 0)]],
    "S": [[(1, 0.9), (0.4, 1), (0, 0.75), (0.9, 0.3), (0.6, 0), (0, 0.1)]],
    "T": [[(0, 1), (1, 1)], [(0.5, 1), (0.5, 0)]],
    "V": [[(0, 1), (0.5, 0), (1, 1)]],
}


def foot_line(rng: Rng) -> Probe:
    """A short printed line along the foot of the name in a scan of one bit."""
    ink = signature(rng, (0, 0, 0))
    rows, columns = np.nonzero(inked(ink))
    top, bottom, left, right = rows.min(), rows.max(), columns.min(), columns.max()
    y = bottom - (bottom - top) * rng.uniform(0, 0.35)
    start = left - rng.uniform(-40, 60)
    end = start + (right - left) * rng.uniform(0.6, 1.2)
    thick = int(rng.integers(3, 8))
    cover = drawing(lambda draw: draw.line((*place(start, y), *place(end, y)), fill=0, width=thick))
    one = probe(ink, cover, (0, 0, 0))
    bits = np.repeat((one.noisy.mean(axis=2, keepdims=True) > 0.6).astype(np.float32), 3, axis=2)
    return Probe(bits, one.stay & ~near(cover > 0.2, 1), one.go)


def inverted(rng: Rng) -> Probe:
    """Bright strokes on a dark screen: what was dark is the paper."""
    white = signature(rng, (0, 0, 0))
    return Probe(0.95 - 0.9 * white, inked(white), ~near(inked(white)))


def stamp_alone(rng: Rng) -> Probe:
    """One stamp, or two over each other, and no signature."""
    page = blank()
    for _ in range(int(rng.integers(1, 3))):
        colours = ((0.1, 0.2, 0.65), (0.75, 0.1, 0.15), (0.35, 0.15, 0.5), (0.12, 0.12, 0.14))
        cover, colour = outline(
            rng, colours[int(rng.integers(4))], int(rng.integers(2, 6)), "REGISTERED 4 JUL"
        )
        page = page * on_white(cover, colour)
    return photographed(rng, Probe(page, nothing(), inked(page)))


def print_alone(rng: Rng) -> Probe:
    """One to four lines of print and no signature."""
    size, lines = int(rng.integers(14, 46)), int(rng.integers(1, 5))
    font, top = ImageFont.load_default(2 * size), rng.uniform(20, HEIGHT / 2)

    def paint(draw: ImageDraw.ImageDraw) -> None:
        for line in range(lines):
            start = rng.integers(0, 40)
            draw.text(place(30, top + line * size * 1.6), WORDS[start:] * 2, fill=0, font=font)

    page = blank() * on_white(drawing(paint, rng.normal(0, 1.5)), (0.08, 0.08, 0.08))
    return Probe(page, nothing(), inked(page))


def form_alone(rng: Rng) -> Probe:
    """The empty field of a form, its label, and a line to sign on."""
    font = ImageFont.load_default(2 * int(rng.integers(14, 24)))
    left, top = rng.uniform(20, 120), rng.uniform(20, 90)
    right, bottom = WIDTH - rng.uniform(20, 120), HEIGHT - rng.uniform(20, 90)

    def paint(draw: ImageDraw.ImageDraw) -> None:
        draw.rectangle((*place(left, top), *place(right, bottom)), outline=0, width=5)
        draw.text(place(left + 12, top + 8), "Signature of the applicant", fill=0, font=font)
        y = bottom - rng.uniform(20, 60)
        draw.line((*place(left + 40, y), *place(right - 40, y)), fill=0, width=4)
        draw.text(place(left + 40, y + 4), "Date", fill=0, font=font)

    cover = drawing(paint, rng.normal(0, 2))
    page = blank() * on_white(cover, (0.1, 0.1, 0.1) if rng.random() < 0.5 else (0.2, 0.3, 0.6))
    return photographed(rng, Probe(page, nothing(), inked(page)))


def blank() -> Float:
    """White paper, HxWx3."""
    return np.ones((HEIGHT, WIDTH, 3), np.float32)


def nothing() -> Mask:
    """HxW, true nowhere: there is no signature."""
    return np.zeros((HEIGHT, WIDTH), np.bool_)


KINDS: tuple[Kind, ...] = (
    *(Kind(f"rules at {angle} degrees", rules_at(angle), 97, 3) for angle in (0, 4, 8, 12, 15)),
    *(Kind(f"print at {angle} degrees", print_at(angle), 97, 4) for angle in (10, 15)),
    Kind("black bars at the edges, dark ink", black_bar(None), 97, 0),
    Kind("black bars at the edges, green ink", black_bar((0.1, 0.5, 0.3)), 97, 0),
    Kind("dots near", with_dots(far=False), 95),
    Kind("dots far", with_dots(far=True), 95),
    Kind("dots among single-pixel dirt", with_dots(far=False, dirty=True), 95, 5),
    Kind("bold coloured outline over a thin grey pen", bold_frame, 97, 5),
    Kind("stamp of the pen's own colour", own_colour, 97, 30),
    coloured((0.93, 0.55, 0.25), (0.75, 0.75, 0.73)),  # orange on grey
    coloured((0.38, 0.45, 0.16), (0.69, 0.54, 0.36)),  # green on kraft
    coloured((0.33, 0.27, 0.22), (0.54, 0.4, 0.23)),  # pencil on brown
    coloured((0.8, 0.25, 0.5), (0.98, 0.85, 0.45)),  # pink on yellow
    coloured((0.25, 0.5, 0.85), (0.6, 0.78, 0.92)),  # light blue on blue
    coloured((0.72, 0.3, 0.3), (0.95, 0.75, 0.78)),  # red on pink
    Kind("straight strokes of the writer's, level rules", straight, 95, 3),
    Kind("hatching of the writer's, print", hatched, 95, 4),
    Kind("capitals by hand on a rule", capitals_on_rule, 95, 3),
    Kind("line along the foot, one-bit scan", foot_line, 97, 10),
    Kind("white ink on a dark screen", inverted, 95, 1),
    Kind("a stamp and no signature", stamp_alone, most_staying=5),
    Kind("print and no signature", print_alone, most_staying=5),
    Kind("a form and no signature", form_alone, most_staying=5),
)
