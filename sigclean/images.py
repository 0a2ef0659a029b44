"""Reads pictures of every kind as upright RGB on white."""

from __future__ import annotations

import io
import threading
import warnings
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
import numpy.typing as npt
from PIL import Image

from sigclean.arrays import grey_of_8_bits, to_uint8
from sigclean.errors import DataError, ImageError, reason

MAX_PIXELS = 50_000_000  # pixels of the largest picture that is read

Source = str | Path | bytes | BinaryIO | Image.Image | npt.NDArray[Any]

# Raster formats that begin with a signature. Pillow knows others, too: some start programs (EPS
# runs Ghostscript), some are mere headers (HDF5, GRIB), one cannot be told from garbage (TGA).
# fmt: off
FORMATS = (
    "AVIF", "BMP", "DIB", "GIF", "HEIF", "JPEG", "JPEG2000", "MPO", "PCX", "PNG", "PPM", "TIFF",
    "WEBP",
)
PICTURE_SUFFIXES = frozenset((
    ".avif", ".bmp", ".dib", ".gif", ".heic", ".heif", ".hif", ".j2k", ".jfif", ".jp2", ".jpe",
    ".jpeg", ".jpg", ".pbm", ".pcx", ".pgm", ".png", ".pnm", ".ppm", ".tif", ".tiff", ".webp",
))
# fmt: on

PDF_MARK = b"%PDF-"
PDF_WITHIN = 1024  # bytes at the start of a file, among which a PDF has its mark
UNREADABLE = b"\0"
HEIC_BRANDS = frozenset(
    (b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"hevm", b"hevs", b"mif1", b"msf1")
)  # kinds of HEIC, as its bytes 8 to 11 name them

_UPRIGHT = {  # value of the EXIF tag Orientation -> the turn that makes the picture upright
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
_ON_THEIR_SIDE = frozenset(list(_UPRIGHT.values())[3:])  # turns that swap width and height
_ORIENTATION, _X_RESOLUTION, _PHOTOMETRIC = 0x0112, 0x011A, 0x0106  # tags of TIFF

_opening = threading.Lock()  # warnings.catch_warnings is not safe in threads


def read_image(source: Source) -> Image.Image:
    """Read a picture as RGB of 8 bits: upright, alpha on white, colours in sRGB. Its only metadata
    is the resolution, `info["dpi"]`, if the source has one.

    Args:
        source: a path, a file's bytes, an open binary file (left open), a Pillow picture (left
            unchanged, and returned itself if nothing needs to change), or an array HxW, HxWx1,
            HxWx3 or HxWx4 (RGB order) of uint8, uint16, bool, or float in [0, 1]. An animated
            picture gives its first frame.

    Raises:
        ImageError: the source cannot be read, has no pixels, or has more than `MAX_PIXELS`, which
            is found before anything is decoded.
    """
    name = describe(source)
    if isinstance(source, np.ndarray):
        return upright_rgb(_from_array(source), name)
    if isinstance(source, Image.Image):
        check_size(source.size, name)
        return source if _is_plain(source) else upright_rgb(source, name)
    if isinstance(source, bytes | bytearray | memoryview):
        return _decode(io.BytesIO(source), name)
    if isinstance(source, str | Path):
        with open_file(Path(source)) as file:
            return _decode(file, name)
    if hasattr(source, "read"):
        return _decode(source, name)
    raise ImageError(f"expected a path, bytes, a file, a picture or an array, got {name}")


def picture_size(source: str | Path | bytes) -> tuple[int, int]:
    """Read from a file's header alone the width and height that `read_image` would give.

    Raises ImageError if the header cannot be read.
    """
    name = describe(source)
    with io.BytesIO(source) if isinstance(source, bytes) else open_file(Path(source)) as file:
        image = open_picture(file, name)
        width, height = image.size
        turned = image.format != "TIFF" and _orientation(image) in _ON_THEIR_SIDE
    return (height, width) if turned else (width, height)


def _is_plain(image: Image.Image) -> bool:
    """Tell whether a picture is as `read_image` returns them."""
    same = type(image) is Image.Image and image.mode == "RGB"
    return same and image.info.keys() <= {"dpi", "page"} and not image.getexif()


def describe(source: object) -> str:
    """Name a source for messages: its path if it has one, else its kind."""
    if isinstance(source, str | Path):
        return str(source)
    if isinstance(source, np.ndarray):
        return "the array"
    named = getattr(source, "filename", None) or getattr(source, "name", None)
    if isinstance(named, str) and named:
        return named
    known = isinstance(source, bytes | bytearray | memoryview | Image.Image)
    return "the picture" if known or hasattr(source, "read") else type(source).__name__


def find_images(folder: str | Path, recursive: bool = True) -> list[Path]:
    """List the files in `folder` with a picture's suffix, without hidden ones, sorted by path.

    Raises DataError if `folder` is not a folder.
    """
    root = Path(folder)
    if not root.is_dir():
        raise DataError(f"{root} is not a folder" if root.exists() else f"{root} does not exist")
    found = root.rglob("*") if recursive else root.glob("*")
    return sorted(path for path in found if _is_picture(path, root))


def _is_picture(path: Path, root: Path) -> bool:
    hidden = any(part.startswith(".") for part in path.relative_to(root).parts)
    return not hidden and path.suffix.lower() in PICTURE_SUFFIXES and path.is_file()


def open_file(path: Path) -> BinaryIO:
    """Open a file for reading. Raises ImageError if that is impossible."""
    try:
        return path.open("rb")
    except FileNotFoundError:
        raise ImageError(f"{path} does not exist") from None
    except (OSError, ValueError) as error:  # ValueError: a null byte in the path
        if isinstance(error, IsADirectoryError | PermissionError) and path.is_dir():
            raise ImageError(f"{path} is a folder, not a picture") from None
        why = reason(error) if isinstance(error, OSError) else error
        raise ImageError(f"{path} cannot be opened: {why}") from None


def _decode(file: Any, name: str) -> Image.Image:
    """Decode a seekable file; a pipe is read into memory first."""
    if not getattr(file, "seekable", lambda: False)():
        try:
            file = io.BytesIO(file.read())
        except OSError as error:
            raise ImageError(f"{name} cannot be read: {reason(error)}") from None
    image = open_picture(file, name)
    check_size(image.size, name)
    return upright_rgb(image, name)


def open_picture(file: BinaryIO, name: str) -> Image.Image:
    """Read the header alone, without Pillow's warnings about large pictures: our limit is lower.

    Raises ImageError if the file is not a picture.
    """
    start = _start(file)
    try:
        with _opening, warnings.catch_warnings():
            warnings.simplefilter("ignore")
            if start[4:8] == b"ftyp" and start[8:12] in HEIC_BRANDS:
                _register_heic()
            Image.init()
            return Image.open(file, formats=[one for one in FORMATS if one in Image.OPEN])
    except Image.DecompressionBombError:
        raise ImageError(_too_large(name)) from None
    except Exception as error:  # decoders raise exceptions of every kind
        raise ImageError(f"{name} {_problem(start)}") from error


def _start(file: BinaryIO) -> bytes:
    """The first bytes of a file, which is rewound; `UNREADABLE` if they cannot be read."""
    try:
        file.seek(0)
        start = file.read(PDF_WITHIN)
        file.seek(0)
    except (OSError, ValueError):
        return UNREADABLE
    return start if isinstance(start, bytes) else UNREADABLE


def is_pdf(start: bytes) -> bool:
    """Tell whether a file begins like a PDF: readers allow some bytes before its mark."""
    return PDF_MARK in start[:PDF_WITHIN]


def _problem(start: bytes) -> str:
    """Say by its first bytes what is wrong with a file that Pillow cannot open."""
    if not start:
        return "is empty (0 bytes)"
    if is_pdf(start):
        return "is a PDF, whose pages `sigclean clean` and documents.read_pages read one by one"
    if start[4:8] == b"ftyp" and start[8:12] in HEIC_BRANDS:
        return "is truncated or broken, and cannot be read"
    return "is not a picture that can be read"


def _register_heic() -> None:
    """Make Pillow read HEIC; the decoder is imported when the first such file comes."""
    if "HEIF" not in Image.OPEN:
        import pi_heif

        pi_heif.register_heif_opener()


def _too_large(name: str) -> str:
    return f"{name} has more than {MAX_PIXELS // 1_000_000} megapixels"


def check_size(size: tuple[int, int], name: str) -> None:
    """Raise ImageError if a picture of this width and height has no pixels or too many."""
    if 0 in size:
        raise ImageError(f"{name} has no pixels ({size[0]}x{size[1]})")
    if size[0] * size[1] > MAX_PIXELS:
        raise ImageError(f"{_too_large(name)} ({size[0]}x{size[1]})")


def upright_rgb(image: Image.Image, name: str) -> Image.Image:
    """Decode a picture and normalise its depth, orientation, transparency and colours."""
    try:
        before = _orientation(image)
        image.load()  # which turns TIFF itself, but not its resolution
        orientation = _orientation(image)
        dpi = _stated_dpi(image)
        rgb = _flatten(without_depth(image))
        rgb = rgb if orientation is None else rgb.transpose(orientation)
        on_its_side = (before if orientation is None else orientation) in _ON_THEIR_SIDE
        rgb.info = {"dpi": dpi[::-1] if on_its_side else dpi} if dpi else {}
        return rgb
    except ImageError as error:
        raise ImageError(f"{name} {error}") from None
    except Exception as error:  # truncated or broken in any of a hundred ways
        raise ImageError(f"{name} is truncated or broken, and cannot be read") from error


def _orientation(image: Image.Image) -> Image.Transpose | None:
    """The turn that makes a picture upright, as it is now."""
    try:
        return _UPRIGHT.get(image.getexif().get(_ORIENTATION, 1))
    except Exception:  # a broken EXIF block says nothing about the pixels
        return None


def _stated_dpi(image: Image.Image) -> Any:
    """The resolution that a picture's file states; Pillow makes up 1 dpi for TIFF without one."""
    tags = getattr(image, "tag_v2", None)
    return None if tags is not None and _X_RESOLUTION not in tags else image.info.get("dpi")


def _flatten(image: Image.Image) -> Image.Image:
    """Convert a picture to RGB in sRGB on white, without the metadata of the source."""
    profile = image.info.get("icc_profile")
    if not image.has_transparency_data and image.mode not in ("La", "RGBa"):
        return _to_srgb(image, profile)
    if image.mode not in ("LA", "RGBA"):
        image = image.convert("RGBA")
    alpha = image.getchannel("A")
    image = image.convert("L" if image.mode == "LA" else "RGB")
    rgb = Image.new("RGB", image.size, "white")
    rgb.paste(_to_srgb(image, profile) if profile or image.mode == "L" else image, mask=alpha)
    return rgb


def _to_srgb(image: Image.Image, profile: bytes | None) -> Image.Image:
    """Apply a colour profile; a broken one, or one meant for another mode, is ignored."""
    if profile:
        from PIL import ImageCms  # 3 ms of a start that few pictures need

        if image.mode not in ("L", "RGB", "CMYK", "LAB"):
            image = image.convert("RGB")
        try:
            source = ImageCms.ImageCmsProfile(io.BytesIO(profile))
            target = ImageCms.createProfile("sRGB")
            converted = ImageCms.profileToProfile(image, source, target, outputMode="RGB")
            assert converted is not None  # it is None for inPlace only
            return converted
        except (ImageCms.PyCMSError, ImportError, OSError, TypeError, ValueError):
            pass
    return image.convert("RGB")


def without_depth(image: Image.Image) -> Image.Image:
    """Scale greys of 16 or 32 bits to 8 bits; Pillow would clip them. ImageError for NaN or inf."""
    if not image.mode.startswith("I;16") and image.mode not in ("I", "F"):
        return image
    grey = np.asarray(image)
    if not np.isfinite(grey).all():
        raise ImageError("has values that are not finite")
    values = grey_of_8_bits(grey, image.mode)
    white_is_zero = getattr(image, "tag_v2", {}).get(_PHOTOMETRIC) == 0
    result = Image.fromarray(255 - values if white_is_zero else values)
    result.info = {key: image.info[key] for key in ("icc_profile",) if key in image.info}
    return result


def _from_array(array: npt.NDArray[Any]) -> Image.Image:
    """Convert an array to a Pillow picture of 8 bits: L, RGB or RGBA."""
    shape = array.shape
    if not (len(shape) == 2 or (len(shape) == 3 and shape[2] in (1, 3, 4))):
        raise ImageError(f"expected an array HxW, HxWx1, HxWx3 or HxWx4, got shape {shape}")
    check_size((shape[1], shape[0]), "the array")
    array = array[:, :, 0] if shape[2:] == (1,) else array
    return Image.fromarray(np.ascontiguousarray(to_uint8(array)))
