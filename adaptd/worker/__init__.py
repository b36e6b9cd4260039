"""The process that owns the camera and the engines."""
