"""Imported first by the fork server of `warm`: a process without a script is a notebook to DuckDB, which draws its progress there."""

import sys

sys.modules["__main__"].__file__ = __file__
