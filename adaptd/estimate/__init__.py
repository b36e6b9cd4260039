"""Pure estimates: heat, energy, latency and the evidence for accuracy."""
