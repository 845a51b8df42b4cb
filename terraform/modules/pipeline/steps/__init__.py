"""What the pipeline's builds do beside Terraform.

Only Python's standard library is used. The build that applies gets these files with its trigger, so
it runs what was applied before, and not what it is about to apply. Start one with
``python3 -m steps.NAME`` in the folder above.
"""
