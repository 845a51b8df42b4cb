"""Ports to the outside world, their adapters over Google's clients, and in-memory twins."""
