"""From landing to lake: check, minimise, compare, append."""
