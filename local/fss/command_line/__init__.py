"""How a command line is read: the list of commands, their shared options, and how help looks.

Imports ``fss.output`` and the rooms below it, and Click. Commands are imported only when they run.
"""
