"""Guards the deletions and imports of a sync: measures what waits, and refuses too much of it."""
