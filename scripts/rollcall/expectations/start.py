"""Great Expectations, imported at no more cost than it must: on a thread, and without the libraries that nothing here uses."""

from __future__ import annotations

import contextlib
import importlib.machinery
import importlib.util
import logging
import os
import sys
import threading

from rollcall.errors import RollcallError


class _OnFirstUse:
    """Imports scipy and altair when an attribute of theirs is first asked for, which the expectations here never do.

    Great Expectations imports both: half of the seconds that its own import takes.
    """

    def find_spec(self, name: str, path=None, target=None):
        if name not in ("scipy", "scipy.stats", "altair"):
            return None
        spec = importlib.machinery.PathFinder.find_spec(name, path)
        if spec and spec.loader:
            spec.loader = importlib.util.LazyLoader(spec.loader)
        return spec


def great_expectations():
    """The module. Raises ImportError, or whatever else its import raises."""
    os.environ["GX_ANALYTICS_ENABLED"] = "false"
    if not any(isinstance(finder, _OnFirstUse) for finder in sys.meta_path):
        sys.meta_path.insert(0, _OnFirstUse())
    import great_expectations as gx

    # It reports the temporary folder of every context.
    logging.getLogger("great_expectations.data_context.types.base").setLevel(logging.WARNING)
    return gx


def gate():
    """The gate. RollcallError where Great Expectations cannot be imported: without it nothing may be accepted."""
    try:
        great_expectations()
        from rollcall.expectations import gate as module
    except Exception as error:
        raise RollcallError(
            f"Great Expectations cannot be imported ({type(error).__name__}: {str(error).splitlines()[0] if str(error) else ''}): "
            "no delivery was accepted, and the files stay where they are. Run `make run`, which installs what is missing"
        ) from error
    return module


def on_a_thread() -> None:
    """Begins the import, for a gate that will be asked once the files have been read."""

    def begin() -> None:
        with contextlib.suppress(RollcallError):  # raised again for the caller
            gate()

    threading.Thread(target=begin, daemon=True).start()
