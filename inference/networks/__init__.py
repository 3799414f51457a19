"""Networks as runtimes load them: ONNX Runtime, OpenVINO, and the session around both."""
