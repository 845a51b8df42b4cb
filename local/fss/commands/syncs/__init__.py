"""The commands that start a sync of a deployment, and steer it."""
