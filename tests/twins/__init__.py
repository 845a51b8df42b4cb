"""In-memory twins of the adapters; both pass the same contract tests."""
