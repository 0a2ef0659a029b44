"""Conversions of a model: ONNX, and the .pth files of the original PyTorch CycleGAN."""
