"""What the service can do besides answering with the champion; each module plugs itself in and can be deleted."""
