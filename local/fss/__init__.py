"""The `fss` command: a whole deployment on one machine, and a remote control for any."""
