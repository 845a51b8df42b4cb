"""Use cases: each talks to ports only and leaves every rule to ``shared.domain``."""
