"""What each operator of ONNX does to sizes and windows: one rule for each, found by name."""
