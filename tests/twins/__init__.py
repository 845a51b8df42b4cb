"""In-memory twins of the adapters, with the same behaviour in every contract test."""
