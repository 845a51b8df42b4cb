"""The page for people: templates, style sheet and script, and what turns answers into HTML.

Takes the status function's answers as they are, so that the page shows no figure that JSON doesn't
have. Nothing here reads a record. Imports the domain only.
"""
