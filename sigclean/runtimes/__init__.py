"""The engines that carry out a generator: PyTorch, onnxruntime and OpenVINO."""
