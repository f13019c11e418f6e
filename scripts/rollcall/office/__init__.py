"""What a data manager does in the browser: uploads, decisions on held deliveries, members. Writes into the landing and its own state alone."""
