"""What tiling needs to know about a network, derived from its ONNX file. Torch-free."""
