"""Questions to the store. Reads the records, and writes only what the questions of a day cost."""
