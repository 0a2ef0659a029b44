"""A step for the pipelines of Ray Data and of the `datasets` library."""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence
from functools import cached_property
from typing import Any

import numpy as np
from PIL import Image

from sigclean.bulk.picture_worker import OutputStyle
from sigclean.cleaner import SignatureCleaner
from sigclean.compositing.results import ink_share
from sigclean.encoding import encode
from sigclean.errors import DataError, ImageError, one_line
from sigclean.images import read_image


class CleanPictures:
    """A callable that cleans a column of pictures, batch by batch.

    For `ray.data.Dataset.map_batches`, whose actors load the model once each, and for
    `datasets.Dataset.map(..., batched=True)`. A picture that cannot be read ends nothing: its
    result is None, and its error a sentence.

    Args:
        column: the column of pictures: encoded files as bytes, or as a struct of `bytes` and `path`
            as the `datasets` library stores them; Pillow images; arrays HxWx3 or HxW of uint8.
        result: the new column of encoded results.
        suffix: the format of results, a key of `encoding.ENCODERS`.
        model: options of `SignatureCleaner.from_pretrained`, such as `source` and `device`.
        style: options of `bulk.picture_worker.OutputStyle`, such as `transparent` and `crop`.

    Raises SigcleanError for a style that cannot be made.
    """

    def __init__(
        self,
        column: str = "bytes",
        *,
        result: str = "clean",
        suffix: str = ".png",
        model: Mapping[str, Any] | None = None,
        **style: Any,
    ) -> None:
        self._column, self._result, self._suffix = column, result, suffix
        self._model = dict(model or {})
        self._style = OutputStyle(**style)
        self._style.check()

    def __call__(self, batch: Mapping[str, Sequence[Any]]) -> dict[str, Any]:
        """Clean a batch.

        Args:
            batch: columns of one length.

        Returns:
            The batch with four more columns: the results (bytes, or None), `status` (cleaned or
            failed), `error` (a sentence, or None), and `ink` (the share of a result's pixels that
            are ink, 0 to 1; nan where it failed).

        Raises DataError if the batch lacks the column.
        """
        if self._column not in batch:
            raise DataError(f"there is no column {self._column}, but {', '.join(batch)}")
        rows = [self._cleaned(value) for value in batch[self._column]]
        names = (self._result, "status", "error", "ink")
        new = {name: [row[place] for row in rows] for place, name in enumerate(names)}
        objects = {name: _objects(new[name]) for name in names[:-1]}
        return {**batch, **objects, "ink": np.array(new["ink"], np.float64)}

    def _cleaned(self, value: Any) -> tuple[bytes | None, str, str | None, float]:
        try:
            result = self._style.clean(self._cleaner, _picture(value))
        except ImageError as error:
            return None, "failed", one_line(error), float("nan")
        return encode(result, self._suffix), "cleaned", None, ink_share(result)

    @cached_property
    def _cleaner(self) -> SignatureCleaner:
        return SignatureCleaner.from_pretrained(**self._model)


def _picture(value: Any) -> Image.Image:
    """Return a cell's picture. Raises ImageError if it holds none."""
    if isinstance(value, Mapping):
        value = value.get("bytes") or value.get("path")
    if value is None:
        raise ImageError("the cell is empty")
    if isinstance(value, np.ndarray):
        try:
            value = Image.fromarray(value)
        except (TypeError, ValueError) as error:
            raise ImageError(f"an array {value.shape} of {value.dtype} is no picture") from error
    return read_image(io.BytesIO(value) if isinstance(value, bytes) else value)


def _objects(values: list[Any]) -> Any:
    """Return an array of objects: NumPy's own arrays of bytes lose zeros at the end."""
    array = np.empty(len(values), object)
    array[:] = values
    return array
