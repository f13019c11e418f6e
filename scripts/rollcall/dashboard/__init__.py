"""The inventory dashboard: reads the published warehouse and nothing else, and writes nothing."""
