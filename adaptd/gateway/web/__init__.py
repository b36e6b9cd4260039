"""The page: who may read it, the one stream behind it, and its server."""
