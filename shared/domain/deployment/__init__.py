"""One deployment: its settings, the rules derived from them, and the record of its identity.

The top layer of the domain: may import every other room and the modules at the root.
"""
