"""Steps that need a project of Google Cloud: make a deployment, watch it alert, take it down.

They run gcloud and terraform as subprocesses; ``commands`` has every command. Imports ``library``.
"""
