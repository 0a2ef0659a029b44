"""The functions behind Gradio's endpoints; they take and return Gradio's values."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from PIL import Image

from sigclean.bulk.picture_worker import OutputStyle
from sigclean.compositing.results import transparent_ink
from sigclean.demo.appearance import read_appearance
from sigclean.demo.batch import Progress, clean_files
from sigclean.demo.cleaning import new_folder
from sigclean.demo.fair_events import current_visitor
from sigclean.demo.models import Model, choose
from sigclean.demo.settings import Settings
from sigclean.demo.turns import Turns
from sigclean.demo.uploads import read_upload, readable_errors, refusal
from sigclean.encoding import encode

NO_PICTURE = "Choose a picture first."


@dataclass(frozen=True)
class Handlers:
    """The functions behind the endpoints."""

    models: Mapping[str, Model]  # the models by name; the first one is the default
    settings: Settings
    cache: Path  # the folder for files that visitors may fetch
    turns: Turns  # in which batches clean their pictures

    def clean_upload(
        self, upload: str | None, pen: str = "auto", invert: str = "auto"
    ) -> tuple[str, str]:
        """The endpoint `/clean`: the paths of a PNG on white and of a transparent one."""
        with readable_errors():
            style = OutputStyle(pen=pen, invert=invert)
            style.check()
            clean = choose(self.models, None).render(self._page(upload), style)
            folder, stem = new_folder(self.cache), Path(upload or "").stem
            paths = folder / f"{stem}.clean.png", folder / f"{stem}.transparent.png"
            for path, picture in zip(paths, (clean, transparent_ink(clean)), strict=True):
                path.write_bytes(encode(picture))
            return str(paths[0]), str(paths[1])

    def clean_batch(
        self,
        uploads: list[str],
        look: Mapping[str, str],
        model: str | None,
        pen: str,
        invert: str,
        progress: Progress,
    ) -> tuple[str, str]:
        """Clean several uploads; returns the path of a zip, and the outcome in Markdown.

        Each picture waits for its turn, so that other visitors do not wait for the batch.

        Args:
            look: the paper, size and ink, see `appearance.read_appearance`.
        """
        with readable_errors():
            if not uploads:
                raise refusal("Choose some pictures first.")
            if len(uploads) > self.settings.max_files:
                raise refusal(
                    f"These are {len(uploads)} files: at most {self.settings.max_files} at once."
                )
            style = OutputStyle(pen=pen, invert=invert)
            style.check()
            self.turns.check_room()
            render = choose(self.models, model).render
            batch = clean_files(
                [Path(upload) for upload in uploads],
                lambda picture: render(picture, style),
                read_appearance(look),
                new_folder(self.cache) / "signatures.zip",
                self.settings,
                progress,
                partial(self.turns.turn, current_visitor()),
            )
            if not batch.cleaned:
                raise refusal(" ".join(batch.failures[:3]))
            return str(batch.path), batch.summary()

    def _page(self, upload: str | None) -> Image.Image:
        if upload is None:
            raise refusal(NO_PICTURE)
        return read_upload(upload, self.settings)
