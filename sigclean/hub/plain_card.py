"""The model card for weights that have none, for example those of `sigclean convert`."""

from __future__ import annotations

from sigclean.model_files.config import ModelConfig

_CARD = """---
{header}
---

# {repo_id}, a signature cleaner

Erases everything around and under a handwritten signature, such as ruled lines, print, stamps and
paper, and keeps the strokes.

## How to use it

```bash
sigclean clean scan.jpg --weights {repo_id}
```

```python
from sigclean import SignatureCleaner

clean = SignatureCleaner.from_pretrained("{repo_id}")("scan.jpg")
```

The result has the picture's own size. No pixel of it is darker than the input's: sigclean erases
and never invents a stroke. (`--ink`, which draws the strokes in another colour, and `--raw` are
exceptions.)

## Network

`{generator}`, for RGB pictures letterboxed to {size}x{size} with black strips; `config.json` has
the arguments it is built with.

## Figures

These weights came without figures. `sigclean evaluate` measures how well they clean.

## Limits

- Made for one signature in a picture. Clean a whole page with `--window auto`, or crop it first.
- Where print, a rule or a stamp crosses a stroke, both share the same pixels: the stroke alone
  cannot be recovered, and marks can stay.

## Out of scope

- Forging: the model removes what is around a signature so that it can be read and compared. It must
  not be used to lift a signature onto another document.
- Proof: a cleaned signature is an aid. An examiner or a court must look at the original.

## Data: provenance and licence

**Not stated yet.** This card was written by `sigclean publish`, which does not know what the model
was trained on, whether the people who signed have agreed, or under which terms the weights may be
used. Before you publish: replace this paragraph, and `license` at the top.
"""


def plain_card(model: ModelConfig, repo_id: str) -> str:
    """Return a README.md for the Hub that claims only what the config says."""
    from huggingface_hub import ModelCardData

    header = ModelCardData(
        license="other",
        license_name="not-stated-yet",
        library_name="sigclean",
        pipeline_tag="image-to-image",
        tags=["signature", "handwriting", "document-processing", model.generator],
    ).to_yaml()
    return _CARD.format(header=header, repo_id=repo_id, generator=model.generator, size=model.size)
