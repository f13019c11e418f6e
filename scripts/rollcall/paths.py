"""Where the project itself lies: its models, seeds and macros."""

from pathlib import Path

PROJECT = Path(__file__).resolve().parents[2]
