"""A local Cloud Storage for Google's unmodified clients; see README.md.

``server`` puts it together, from the top: ``api``, ``storage``, ``objects``. A room imports only
rooms further down, and of this project otherwise ``web_guard`` alone.
"""
