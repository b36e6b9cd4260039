"""Messages between daemon and worker, and their wire form."""
