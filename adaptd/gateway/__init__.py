"""What lets others see adaptd from elsewhere: a process of its own, on the public client. The daemon never waits for it."""
