"""The assistant: goals in, measured candidates out, three named picks beside today's, and nothing written until told."""
