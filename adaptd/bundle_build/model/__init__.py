"""ONNX to FP16, INT8 and plans."""
