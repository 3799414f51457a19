"""Networks: cards, registry and zoo, which are torch-free; nets, training and export, which need
torch."""

import os

# From 1.32, ONNX Runtime reports its use to its maker over HTTPS and keeps an identifier of the
# machine. It reads this when it is imported, which only this package and `inference` do.
os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")
