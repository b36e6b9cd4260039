"""Engines: one life cycle over ONNX Runtime and TensorRT, the verified bundle, and the warm pool."""
