"""What every room below uses: clocks, safe files, locks, sockets, canonical JSON."""
