"""How a mask is computed: pipeline, planner, runtimes; knows no queue."""

import models  # noqa: F401 it turns telemetry off, before ONNX Runtime is imported
