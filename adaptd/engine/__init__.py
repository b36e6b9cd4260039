"""Engines: one life cycle over ONNX Runtime and TensorRT, verified bundles, the warm pool."""
