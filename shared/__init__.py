"""Rules, use cases and gateways that every deployed function imports."""
