"""Programs on the result stream: each imports the client and its own folder, nothing else of adaptd."""
