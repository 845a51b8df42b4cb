"""A local Cloud Tasks server for the unmodified google-cloud-tasks client; see README.md.

``server`` puts it together, from the top: ``api``, ``broker``, ``settings``, ``delivery``,
``queue``, ``wire``. A room imports only rooms further down, and nothing else of this project.
"""
