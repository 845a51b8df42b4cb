"""What runs on a person's machine and is never deployed: simulators, the local stack, `fss`."""
