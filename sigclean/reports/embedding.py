"""Pictures inside a web page, so that it stays a single file."""

import base64
import io

from PIL import Image, features

LONGEST_SIDE = 900  # pixels: sixty pictures then make a few megabytes


def data_url(picture: Image.Image) -> str:
    """A picture as an address that holds it, shrunk, and as WebP if Pillow can write that."""
    small = picture.convert("RGB")
    small.thumbnail((LONGEST_SIDE, LONGEST_SIDE), Image.Resampling.BOX)
    kind = "WEBP" if features.check("webp") else "PNG"
    file = io.BytesIO()
    small.save(file, kind, quality=80)
    return f"data:image/{kind.lower()};base64,{base64.b64encode(file.getvalue()).decode()}"
