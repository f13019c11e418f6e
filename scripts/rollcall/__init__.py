"""Rollcall: who uses which product, in which school and grade."""
