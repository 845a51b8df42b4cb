"""The commands that make a deployment known here, and look whether it is in order."""
