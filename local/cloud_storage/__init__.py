"""A Cloud Storage server on this machine: fake-gcs-server, which no web page can reach.

fake-gcs-server answers every origin (``Access-Control-Allow-Origin: *``), has no option against it,
and can listen on a TCP port only. So it listens with TLS, by a certificate made for the run: no
browser trusts it, and none offers a way on for what a page requests. In front of it ``relay``
passes on what the guard lets through. Imports ``web_guard`` and
``processes``.
"""
