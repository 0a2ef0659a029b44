"""Conversions of a model into other formats: the original's .pth files and ONNX."""
