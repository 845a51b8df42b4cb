"""What an object is and which calls it allows: values in, values out.

Imports ``refusals`` alone.
"""
