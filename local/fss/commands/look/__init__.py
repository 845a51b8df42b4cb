"""The commands that show batches, files, logs, the page and the store."""
