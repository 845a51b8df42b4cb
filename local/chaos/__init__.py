"""The whole local stack under fire: killed, throttled, answered late, twice or not at all."""
