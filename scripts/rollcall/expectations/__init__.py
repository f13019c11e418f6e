"""The roster rules, and the Great Expectations suites."""
