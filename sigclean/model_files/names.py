"""The names of a model's files, and of the model that comes with the package."""

from pathlib import Path

CONFIG_FILE = "config.json"
WEIGHTS_FILE = "model.safetensors"
ONNX_FILE = "model.onnx"  # the same weights as a graph, for runtimes without PyTorch
CARD_FILE = "README.md"
SAMPLES_FILE = "samples.png"  # the picture that a card may show
FILES = (CONFIG_FILE, WEIGHTS_FILE, ONNX_FILE, CARD_FILE)  # files that are downloaded from the Hub
PUBLISHED = (*FILES, SAMPLES_FILE)  # files that are uploaded to it

DEFAULT_MODEL = "default"  # the packaged model's name in options and on the web page
DEFAULT_WEIGHTS = Path(__file__).parents[1] / "weights"  # the packaged model's folder
