"""A model on disk: its weights folder, configuration, storage and ONNX file."""
