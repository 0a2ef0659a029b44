"""Pictures of every kind become upright RGB on white, or one sentence that names them."""

from __future__ import annotations

import errno
import io
import os
import struct
import subprocess
import sys
import threading
import warnings
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from sigclean.encoding import encode, write_picture
from sigclean.errors import DataError, ImageError, SigcleanError, TooLargeError
from sigclean.images import MAX_PIXELS, find_images, read_image

WHITE, BLACK, RED = (255, 255, 255), (0, 0, 0), (255, 0, 0)


def encoded(image: Image.Image, format: str = "PNG", **options: object) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, format, **options)
    return buffer.getvalue()


@pytest.fixture
def upright() -> Image.Image:
    """Wide, and different under every turn and flip."""
    image = Image.new("RGB", (48, 24), "white")
    image.paste("black", (0, 0, 16, 8))
    image.paste("red", (32, 16, 48, 24))
    return image


# What a camera stores when it was held so that the tag has this value.
STORED = {
    1: None,
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_90,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_270,
}


@pytest.mark.parametrize("format", ["PNG", "TIFF", "WEBP"])
@pytest.mark.parametrize("orientation", STORED)
def test_exif_orientation_is_applied(upright: Image.Image, orientation: int, format: str) -> None:
    turn = STORED[orientation]
    stored = upright if turn is None else upright.transpose(turn)
    exif = Image.Exif()
    exif[0x0112] = orientation
    options = {"lossless": True} if format == "WEBP" else {}
    result = read_image(encoded(stored, format, exif=exif.tobytes(), **options))
    assert np.array_equal(result, upright)


def test_a_broken_exif_block_is_ignored(upright: Image.Image) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # Pillow remarks on it
        result = read_image(encoded(upright, exif=b"Exif\0\0MM\0*nonsense"))
    assert np.array_equal(result, upright)


@pytest.mark.parametrize("mode", ["RGBA", "LA", "RGBa"])
def test_alpha_is_flattened_on_white(mode: str) -> None:
    image = Image.new("RGBA", (3, 1), (0, 0, 0, 255))
    image.putpixel((1, 0), (0, 0, 0, 0))
    image.putpixel((2, 0), (0, 0, 0, 51))
    pixels = np.asarray(read_image(image.convert(mode)))
    assert pixels[0].tolist() == [[0] * 3, [255] * 3, [204] * 3]


@pytest.mark.parametrize("mode", ["P", "L", "1", "RGB"])
def test_a_transparent_colour_becomes_white(mode: str) -> None:
    image = Image.new(mode, (2, 1), 0 if mode != "RGB" else BLACK)
    if mode == "P":
        image.putpalette([0, 0, 0, 255, 0, 0])
    image.putpixel((1, 0), 1 if mode == "P" else 255 if mode != "RGB" else RED)
    transparent = BLACK if mode == "RGB" else 0
    result = read_image(encoded(image, transparency=transparent))
    assert result.getpixel((0, 0)) == WHITE
    assert result.getpixel((1, 0)) == (WHITE if mode in ("L", "1") else RED)


def test_a_palette_of_alphas_is_flattened_on_white() -> None:
    image = Image.new("P", (2, 1))
    image.putpalette([0, 0, 0, 255, 0, 0])
    image.putpixel((1, 0), 1)
    result = read_image(encoded(image, transparency=bytes([0, 255])))
    assert (result.getpixel((0, 0)), result.getpixel((1, 0))) == (WHITE, RED)


@pytest.mark.parametrize("format", ["JPEG", "TIFF"])
def test_cmyk_is_read(format: str) -> None:
    image = Image.new("CMYK", (16, 8), (0, 0, 0, 0))
    image.paste((0, 0, 0, 255), (8, 0, 16, 8))
    result = read_image(encoded(image, format))
    assert result.getpixel((2, 4)) == WHITE
    assert result.getpixel((13, 4)) == BLACK


@pytest.mark.parametrize("format", ["PNG", "TIFF"])
def test_sixteen_bit_greys_are_scaled(format: str) -> None:
    levels = np.array([[0, 257, 32896, 65535]], np.uint16)
    result = read_image(encoded(Image.fromarray(levels), format))
    assert np.asarray(result)[0, :, 0].tolist() == [0, 1, 128, 255]


@pytest.mark.parametrize(
    ("levels", "expected"),
    [
        (np.array([[0, 65535, 257]], np.int32), [0, 255, 1]),
        (np.array([[0, 255, 1]], np.int32), [0, 255, 1]),
        (np.array([[0, 1, 0.5]], np.float32), [0, 255, 128]),
        (np.array([[0, 255, 128]], np.float32), [0, 255, 128]),
        (np.array([[-3, 65535, 257]], np.float32), [0, 255, 1]),
    ],
)
def test_greys_of_thirty_two_bits_are_scaled_to_their_white(
    levels: np.ndarray, expected: list[int]
) -> None:
    result = read_image(encoded(Image.fromarray(levels), "TIFF"))
    assert np.asarray(result)[0, :, 0].tolist() == expected


def test_greys_that_are_not_finite_are_refused() -> None:
    levels = np.array([[0, np.nan]], np.float32)
    with pytest.raises(ImageError, match="not finite"):
        read_image(encoded(Image.fromarray(levels), "TIFF"))


@pytest.mark.parametrize("mode", ["1", "L", "P", "HSV", "YCbCr", "LAB"])
def test_other_modes_become_rgb(mode: str) -> None:
    white = {"LAB": (255, 128, 128), "HSV": (0, 0, 255), "YCbCr": (255, 128, 128)}
    image = Image.new(mode, (4, 4), white.get(mode, 255))
    if mode == "P":
        image.putpalette([255] * 768)
    result = read_image(image)
    assert result.mode == "RGB"
    assert min(result.getpixel((1, 1))) >= 254  # LAB rounds


@pytest.mark.parametrize("format", ["GIF", "WEBP", "TIFF", "PNG"])
def test_the_first_frame_of_several_is_read(format: str) -> None:
    frames = [Image.new("RGB", (8, 8), colour) for colour in (BLACK, WHITE, RED)]
    options = {"lossless": True} if format == "WEBP" else {}
    data = encoded(frames[0], format, save_all=True, append_images=frames[1:], **options)
    assert read_image(data).getpixel((4, 4)) == BLACK


def icc_profile_with_red_and_green_swapped() -> bytes:
    """A minimal display profile (ICC.1:2001): sRGB's primaries, the first two exchanged."""

    def xyz(*values: float) -> bytes:
        return b"XYZ \0\0\0\0" + struct.pack(">3i", *(round(v * 65536) for v in values))

    white, gamma = xyz(0.9642, 1.0, 0.8249), b"curv\0\0\0\0" + struct.pack(">IHxx", 1, 0x0233)
    red, green = xyz(0.4361, 0.2225, 0.0139), xyz(0.3851, 0.7169, 0.0971)
    tags = {
        b"wtpt": white,
        b"rXYZ": green,
        b"gXYZ": red,
        b"bXYZ": xyz(0.1431, 0.0606, 0.7141),
        b"rTRC": gamma,
        b"gTRC": gamma,
        b"bTRC": gamma,
    }
    offset = 128 + 4 + 12 * len(tags)
    table, body = struct.pack(">I", len(tags)), b""
    for name, content in tags.items():
        table += name + struct.pack(">II", offset + len(body), len(content))
        body += content
    header = struct.pack(
        ">I4xI4s4s4s12x", offset + len(body), 0x02100000, b"mntr", b"RGB ", b"XYZ "
    )
    header += b"acsp" + bytes(28) + white[8:]
    return header.ljust(128, b"\0") + table + body


def test_a_colour_profile_is_converted_to_srgb() -> None:
    image = Image.new("RGB", (8, 8), RED)
    result = read_image(encoded(image, icc_profile=icc_profile_with_red_and_green_swapped()))
    red, green, blue = result.getpixel((4, 4))
    assert green > 250
    assert red < 10
    assert blue < 10


def test_a_colour_profile_applies_below_transparency() -> None:
    image = Image.new("RGBA", (2, 1), (*RED, 255))
    image.putpixel((1, 0), (*RED, 0))
    result = read_image(encoded(image, icc_profile=icc_profile_with_red_and_green_swapped()))
    assert result.getpixel((0, 0))[1] > 250
    assert result.getpixel((1, 0)) == WHITE


@pytest.mark.parametrize("mode", ["RGB", "L", "P", "LA"])
def test_a_profile_that_is_broken_or_of_another_mode_is_ignored(mode: str) -> None:
    image = Image.new("L", (8, 8), 100).convert(mode)
    for profile in (b"not a profile", icc_profile_with_red_and_green_swapped()[:200]):
        result = read_image(encoded(image, icc_profile=profile))
        assert result.getpixel((4, 4)) == (100, 100, 100)


def test_the_result_carries_no_metadata(upright: Image.Image) -> None:
    exif = Image.Exif()
    exif[0x010F] = "a camera"
    data = encoded(upright, exif=exif, icc_profile=icc_profile_with_red_and_green_swapped())
    result = read_image(data)
    assert result.info == {}
    assert not result.getexif()


def test_every_kind_of_source_reads_the_same(upright: Image.Image, tmp_path: Path) -> None:
    path = tmp_path / "Unterschrift ß 署名.png"
    path.write_bytes(encoded(upright))
    with path.open("rb") as file:
        sources = [path, str(path), path.read_bytes(), file, upright, np.asarray(upright)]
        for source in sources:
            assert np.array_equal(read_image(source), upright)
        assert not file.closed


def test_a_picture_object_is_left_as_it_was() -> None:
    image = Image.new("RGBA", (4, 4), (0, 0, 0, 0))
    image.info["note"] = "mine"
    read_image(image)
    assert (image.mode, image.info) == ("RGBA", {"note": "mine"})


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="named pipes are a POSIX thing")
def test_a_pipe_is_read(upright: Image.Image, tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    writer = threading.Thread(target=pipe.write_bytes, args=[encoded(upright)])
    writer.start()
    assert np.array_equal(read_image(pipe), upright)
    writer.join()


@pytest.mark.parametrize("shape", [(5, 7), (5, 7, 1), (5, 7, 3), (5, 7, 4)])
@pytest.mark.parametrize(
    ("dtype", "white"),
    [("uint8", 255), ("uint16", 65535), (">u2", 65535), ("bool", True), ("f4", 1), ("f8", 1)],
)
def test_arrays_are_read(shape: tuple[int, ...], dtype: str, white: int) -> None:
    array = np.zeros(shape, dtype)
    array[1, 2] = white
    if shape[-1] == 4:
        array[..., 3] = white
    result = read_image(array)
    assert (result.mode, result.size) == ("RGB", (7, 5))
    assert result.getpixel((2, 1)) == WHITE
    assert result.getpixel((0, 0)) == BLACK


def test_strided_arrays_are_read(upright: Image.Image) -> None:
    pixels = np.asarray(upright)
    assert np.array_equal(read_image(pixels[::-1, ::2]), pixels[::-1, ::2])


@pytest.mark.parametrize(
    "array",
    [
        np.zeros((4, 4), np.int64),
        np.zeros((4, 4), np.complex64),
        np.full((4, 4), 255.0),
        np.full((4, 4), -0.5),
        np.full((4, 4), np.nan),
        np.zeros(4, np.uint8),
        np.zeros((4, 4, 2), np.uint8),
        np.zeros((1, 4, 4, 3), np.uint8),
        np.zeros((0, 4), np.uint8),
        np.zeros((4, 0, 3), np.float32),
        np.broadcast_to(np.uint8(0), (10_000, 6_000)),
        np.array([["a"]]),
        np.array([[None]]),
    ],
    ids=lambda array: f"{array.dtype}-{array.shape}-{array.flat[0] if array.size else ''}",
)
def test_other_arrays_are_refused(array: np.ndarray) -> None:
    with pytest.raises(ImageError):
        read_image(array)


@pytest.mark.parametrize("source", [None, 3, ["a.png"], io.StringIO("text")])
def test_other_objects_are_refused(source: object) -> None:
    with pytest.raises(ImageError):
        read_image(source)  # type: ignore[arg-type]


NOT_PICTURES = {
    "letter.txt": b"Dear Sir or Madam, " * 20,
    "drawing.svg": b'<svg xmlns="http://www.w3.org/2000/svg" width="9" height="9"/>',
    "folder.zip": b"PK\x05\x06" + bytes(18),
    "page.eps": b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n%%EndComments\nshowpage\n",
    "zeros.png": bytes(500),
    "renamed.png": b"<!doctype html><title>404</title>",
}


@pytest.mark.parametrize("name", NOT_PICTURES)
def test_what_is_no_picture_is_named(name: str, tmp_path: Path) -> None:
    path = tmp_path / name
    path.write_bytes(NOT_PICTURES[name])
    with pytest.raises(ImageError) as caught:
        read_image(path)
    assert str(caught.value) == f"{path} is not a picture that can be read"


def test_an_empty_file_is_named(tmp_path: Path) -> None:
    path = tmp_path / "empty.jpg"
    path.touch()
    with pytest.raises(ImageError) as caught:
        read_image(path)
    assert str(caught.value) == f"{path} is empty (0 bytes)"


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(ImageError) as caught:
        read_image(tmp_path / "none.png")
    assert str(caught.value) == f"{tmp_path / 'none.png'} does not exist"


def test_a_folder_is_named(tmp_path: Path) -> None:
    with pytest.raises(ImageError) as caught:
        read_image(tmp_path)
    assert str(caught.value) == f"{tmp_path} is a folder, not a picture"


@pytest.mark.parametrize("name", ["a\0b.png", "x" * 300 + ".png"])
def test_an_impossible_path_is_an_error(name: str) -> None:
    with pytest.raises(ImageError):
        read_image(name)


def test_a_pipe_that_fails_is_an_error() -> None:
    class Unplugged(io.RawIOBase):
        def readinto(self, buffer: object) -> int:
            raise OSError(errno.EIO, "Input/output error")

        def readable(self) -> bool:
            return True

    for pipe in (Unplugged(), io.BufferedReader(Unplugged())):
        with pytest.raises(ImageError, match="the picture cannot be read: Input/output error"):
            read_image(pipe)


@pytest.mark.skipif(not Path("/proc/self/mem").exists(), reason="a Linux file")
def test_a_file_that_cannot_be_read_at_its_start_is_an_error() -> None:
    with pytest.raises(ImageError, match="/proc/self/mem is not a picture"):
        read_image("/proc/self/mem")


@pytest.mark.parametrize("format", ["PNG", "JPEG", "TIFF", "GIF", "WEBP", "BMP", "PPM"])
def test_a_truncated_picture_is_an_error(format: str, tmp_path: Path) -> None:
    noise = np.random.default_rng(1).integers(0, 256, (64, 64, 3), np.uint8)
    path = tmp_path / "half"
    whole = encoded(Image.fromarray(noise), format)
    path.write_bytes(whole[: len(whole) // 2])
    with pytest.raises(ImageError, match="half"):
        read_image(path)


@pytest.mark.parametrize(
    "side", [(10_000, 6_000), (50_000_001, 1), (10_000, 10_000), (20_000, 10_000)]
)
def test_more_than_fifty_megapixels_are_refused_from_the_header(side: tuple[int, int]) -> None:
    header_alone = b"P6 %d %d 255\n" % side
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        with pytest.raises(ImageError, match="more than 50 megapixels"):
            read_image(header_alone)


def test_a_large_picture_object_is_refused() -> None:
    with pytest.raises(ImageError, match="more than 50 megapixels"):
        read_image(Image.new("1", (10_000, 6_000)))


def test_fifty_megapixels_are_accepted() -> None:
    assert read_image(Image.new("1", (10_000, MAX_PIXELS // 10_000))).size == (10_000, 5_000)


@pytest.mark.parametrize("size", [(0, 0), (0, 5), (5, 0)])
def test_a_picture_without_pixels_is_refused(size: tuple[int, int]) -> None:
    with pytest.raises(ImageError, match="no pixels"):
        read_image(Image.new("RGB", size))


def test_pillows_own_limits_stay_as_they_are() -> None:
    before = Image.MAX_IMAGE_PIXELS, list(warnings.filters)
    read_image(encoded(Image.new("L", (4, 4))))
    assert (Image.MAX_IMAGE_PIXELS, list(warnings.filters)) == before


SEEDS = [
    encoded(Image.linear_gradient("L").resize((24, 16)).convert(mode), format)
    for mode, format in [
        ("RGBA", "PNG"),
        ("P", "PNG"),
        ("RGB", "JPEG"),
        ("CMYK", "JPEG"),
        ("L", "TIFF"),
        ("P", "GIF"),
        ("RGB", "WEBP"),
        ("RGB", "BMP"),
        ("L", "PCX"),
        ("RGB", "PPM"),
    ]
]


@settings(max_examples=300, deadline=None)
@given(st.data())
def test_damaged_bytes_give_a_picture_or_an_image_error(data: st.DataObject) -> None:
    damaged = bytearray(data.draw(st.sampled_from(SEEDS)))
    for _ in range(data.draw(st.integers(1, 6))):
        damaged[data.draw(st.integers(0, len(damaged) - 1))] = data.draw(st.integers(0, 255))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # Pillow remarks on odd metadata
        try:
            assert read_image(bytes(damaged)).mode == "RGB"
        except ImageError as error:
            assert "\n" not in str(error)


def test_pictures_of_a_folder_are_found_in_order(tmp_path: Path) -> None:
    for name in ("b.JPG", "a.png", "notes.txt", ".hidden.png", "sub/c.tiff", ".git/d.png"):
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True)
        path.touch()
    (tmp_path / "folder.png").mkdir()
    assert find_images(tmp_path) == [tmp_path / name for name in ("a.png", "b.JPG", "sub/c.tiff")]
    assert find_images(tmp_path, recursive=False) == [tmp_path / "a.png", tmp_path / "b.JPG"]


@pytest.mark.parametrize("name", ["missing", "file.png"])
def test_looking_into_what_is_no_folder_is_an_error(name: str, tmp_path: Path) -> None:
    (tmp_path / "file.png").touch()
    with pytest.raises(DataError, match=name):
        find_images(tmp_path / name)


def test_a_png_is_written_with_its_folder(upright: Image.Image, tmp_path: Path) -> None:
    path = tmp_path / "new" / "folder" / "a.png"
    write_picture(upright, path)
    assert np.array_equal(Image.open(path), upright)
    assert list(path.parent.iterdir()) == [path]


def test_what_cannot_be_written_leaves_nothing(upright: Image.Image, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("kept")
    (tmp_path / "folder.png").mkdir()
    for place in (tmp_path / "file" / "a.png", tmp_path / "folder.png"):
        with pytest.raises(SigcleanError, match="cannot be written"):
            write_picture(upright, place)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["file", "folder.png"]
    assert (tmp_path / "file").read_text() == "kept"


def test_importing_the_package_imports_nothing_heavy() -> None:
    check = "import sigclean, sys; print({'torch', 'numpy', 'PIL', 'gradio'} & sys.modules.keys())"
    done = subprocess.run([sys.executable, "-c", check], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "set()"


def test_the_resolution_is_kept_and_turned_with_the_picture() -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    picture = Image.new("RGB", (40, 20))
    assert read_image(encoded(picture, dpi=(300, 300))).info["dpi"] == pytest.approx(
        (300, 300), 0.01
    )
    turned = read_image(encoded(picture, dpi=(204, 96), exif=exif))
    assert turned.info["dpi"] == pytest.approx((96, 204), 0.01)


def test_the_resolution_of_a_tiff_is_turned_and_none_is_made_up() -> None:
    lying = encoded(Image.new("RGB", (40, 20)), "TIFF", dpi=(204, 98), tiffinfo={0x0112: 6})
    read = read_image(lying)
    assert (read.size, read.info["dpi"]) == ((20, 40), (98, 204))
    assert "dpi" not in read_image(encoded(Image.new("RGB", (40, 20)), "TIFF")).info


def test_greys_of_16_bits_whose_white_is_0_are_read_as_they_are_meant() -> None:
    grey = Image.fromarray(np.array([[0, 65_535, 256]], np.uint16))
    content = encoded(grey, "TIFF")
    tag = struct.pack("<HHL", 0x0106, 3, 1)
    assert content.count(tag + b"\1\0") == 1
    turned = content.replace(tag + b"\1\0", tag + b"\0\0")
    assert np.asarray(read_image(content))[0, :, 0].tolist() == [0, 255, 1]
    assert np.asarray(read_image(turned))[0, :, 0].tolist() == [255, 0, 254]


def test_a_result_too_long_for_its_format_is_refused_in_one_sentence() -> None:
    long = Image.new("RGB", (16_384, 1))
    with pytest.raises(TooLargeError, match=r"^WEBP takes at most 16383 pixels a side, and the .*"):
        encode(long, ".webp")
    assert Image.open(io.BytesIO(encode(long, ".jpg"))).size == long.size
    with pytest.raises(TooLargeError, match=r"^JPG takes at most 65500 pixels a side"):
        encode(Image.new("RGB", (1, 65_501)), ".jpg")


def test_a_picture_that_was_read_is_not_copied_again(upright: Image.Image) -> None:
    read = read_image(encoded(upright, dpi=(300, 300)))
    assert read_image(read) is read
