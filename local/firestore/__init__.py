"""A local Firestore for Google's unmodified clients; see README.md.

``server`` puts it together, from the top: ``api``, ``storage``, ``wire``, ``engine``, ``indexes``,
``query``, ``values``. A room imports only rooms further down, and nothing else of this project.
"""
