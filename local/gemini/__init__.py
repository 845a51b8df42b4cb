"""A simulator of the Gemini Files API and File Search stores, on the real wire protocol.

``server`` puts it together, from the top: ``api``, ``simulator``, ``resources``, ``traffic``, and
``wire``, ``settings`` and ``clock``. A room imports only rooms further down, and nothing else of
this project.
"""
