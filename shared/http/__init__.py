"""HTTP for the functions: bodies and query parameters in, JSON out.

``routes`` maps paths to handlers and turns errors into answers, with ``requests`` (what is asked)
and ``answers`` (what is told). ``framework`` lets the routes answer what the functions framework
would answer itself.
"""
