"""A local Cloud Tasks server for the unmodified google-cloud-tasks client; see README.md."""
