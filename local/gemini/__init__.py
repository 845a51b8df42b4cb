"""A simulator of the Gemini Files API and File Search stores, on the real wire protocol."""
