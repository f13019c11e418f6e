"""Great Expectations, imported at no more cost than it must: on a thread, and without the libraries that nothing here uses."""

from __future__ import annotations

import contextlib
import importlib
import importlib.abc
import importlib.machinery
import logging
import os
import sys
import threading
import types
from collections.abc import Callable

from rollcall.errors import RollcallError
from rollcall.garbage import uncollected


class _Unused(types.ModuleType):
    """A module that is imported when something of its own is first asked for.

    Asking for its file does not count, as it does for the LazyLoader of importlib: dbt asks every loaded module for that.
    """

    def __getattr__(self, name: str):
        if name.startswith("__") and name not in ("__all__", "__version__"):
            raise AttributeError(f"module '{self.__name__}' has no attribute '{name}'")
        self.__class__ = types.ModuleType  # type: ignore[assignment]
        self.__spec__.loader.exec_module(self)
        return getattr(self, name)


class _Later(importlib.abc.Loader):
    """Puts a module's execution off."""

    def __init__(self, loader: importlib.abc.Loader):
        self._loader = loader

    def create_module(self, spec):
        return self._loader.create_module(spec)

    def exec_module(self, module: types.ModuleType) -> None:
        module.__spec__.loader = module.__loader__ = self._loader
        module.__class__ = _Unused


class _OnFirstUse(importlib.abc.MetaPathFinder):
    """Finds scipy and altair, which Great Expectations imports and nothing here uses: half of the seconds of its own import."""

    def find_spec(self, name: str, path=None, target=None):
        if name not in ("scipy", "scipy.stats", "altair"):
            return None
        spec = importlib.machinery.PathFinder.find_spec(name, path)
        if spec and spec.loader:
            spec.loader = _Later(spec.loader)
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


def _imported(name: str, lost: str) -> types.ModuleType:
    """A module of the expectations. RollcallError where Great Expectations cannot be imported."""
    try:
        # What an import makes stays: looking through it for garbage again and again takes a seventh of this one.
        with uncollected():
            great_expectations()
            return importlib.import_module(f"rollcall.expectations.{name}")
    except Exception as error:
        raise RollcallError(
            f"Great Expectations cannot be imported ({type(error).__name__}: {str(error).splitlines()[0] if str(error) else ''}): "
            f"{lost}. Run `make run`, which installs what is missing"
        ) from error


def gate() -> types.ModuleType:
    """The gate. RollcallError where Great Expectations cannot be imported: without it nothing may be accepted."""
    return _imported("gate", "no delivery was accepted, and the files stay where they are")


def audit() -> types.ModuleType:
    """The audit. RollcallError where Great Expectations cannot be imported: without it nothing may be published."""
    return _imported("audit", "nothing was published")


def on_a_thread(needed: Callable[[], object] = gate) -> None:
    """Begins the import of what will be needed: of the gate while files are read, of the audit while dbt builds."""

    def begin() -> None:
        with contextlib.suppress(RollcallError):  # raised again for the caller
            needed()

    threading.Thread(target=begin, daemon=True).start()
