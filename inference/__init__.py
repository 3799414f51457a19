"""How a mask is made: pipeline, planner, ONNX Runtime; knows no queue."""
