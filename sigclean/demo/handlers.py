"""The functions behind Gradio's endpoints; they take and return Gradio's values."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from PIL import Image

from sigclean.compositing.compose import transparent_ink
from sigclean.demo.appearance import read_appearance
from sigclean.demo.batch import Progress, clean_files
from sigclean.demo.cleaning import new_folder, save
from sigclean.demo.models import Model, choose
from sigclean.demo.settings import Settings
from sigclean.demo.uploads import read_upload, readable_errors, refusal

NO_PICTURE = "Choose a picture first."


@dataclass(frozen=True)
class Handlers:
    """The functions behind the endpoints."""

    models: Mapping[str, Model]  # the models by name; the first one is the default
    settings: Settings
    cache: Path  # the folder for files that visitors may fetch

    def clean_upload(self, upload: str | None) -> tuple[str, str]:
        """The endpoint `/clean`: the paths of a PNG on white and of a transparent one."""
        with readable_errors():
            clean = choose(self.models, None).clean(self._page(upload))
            folder, stem = new_folder(self.cache), Path(upload or "").stem
            return (
                str(save(clean, folder / f"{stem}.clean.png")),
                str(save(transparent_ink(clean), folder / f"{stem}.transparent.png")),
            )

    def clean_batch(
        self,
        uploads: list[str],
        paper: str,
        size: str,
        ink: str,
        model: str | None,
        progress: Progress,
    ) -> tuple[str, str]:
        """Clean several uploads; returns the path of a zip, and the outcome in Markdown."""
        with readable_errors():
            if not uploads:
                raise refusal("Choose some pictures first.")
            if len(uploads) > self.settings.max_files:
                raise refusal(
                    f"These are {len(uploads)} files: at most {self.settings.max_files} at once."
                )
            batch = clean_files(
                [Path(upload) for upload in uploads],
                choose(self.models, model).clean,
                read_appearance({"paper": paper, "size": size, "ink": ink}),
                new_folder(self.cache) / "signatures.zip",
                self.settings,
                progress,
            )
            if not batch.cleaned:
                raise refusal(" ".join(batch.failures[:3]))
            return str(batch.path), batch.summary()

    def _page(self, upload: str | None) -> Image.Image:
        if upload is None:
            raise refusal(NO_PICTURE)
        return read_upload(upload, self.settings)
