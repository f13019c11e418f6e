"""Who asks, and what they may do: sign-on, sessions, grants and the access log. Knows no page and no figure."""
