"""dbt's events in a refresh: all but those for debugging.

Of a build dbt fires some thousands for debugging, and makes a message of each, whether or not anybody hears it: a twentieth of a build.
"""

from __future__ import annotations

from dbt.events.types import NodeFinished
from dbt_common.events.base_types import BaseEvent, EventLevel
from dbt_common.events.event_manager import EventManager
from dbt_common.events.event_manager_client import ctx_set_event_manager


class _WithoutDebug(EventManager):
    def fire_event(self, e: BaseEvent, level: EventLevel | None = None, *rest, **more) -> None:
        if (level or e.level_tag()) != EventLevel.DEBUG or isinstance(e, NodeFinished):  # which says how far a build is
            super().fire_event(e, level, *rest, **more)


def without_debug() -> None:
    """Has dbt fire the others alone, from now on and in this process."""
    ctx_set_event_manager(_WithoutDebug())
