"""From an ONNX file to a qualified bundle."""
