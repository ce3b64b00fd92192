"""Files in object storage, for workers on machines that share no folder."""

from __future__ import annotations

from reverie.service.settings import Settings
from reverie.service.workspace import Workspace

__all__ = ["open_workspace"]


def open_workspace(settings: Settings) -> Workspace:
    """The workspace that the settings name. Raises UsageError, in one sentence, for a folder or a store that cannot be."""
    if settings.objects is None:
        return Workspace(settings.workspace, settings)
    from reverie.service.objects.workspace import ObjectWorkspace

    return ObjectWorkspace(settings.workspace, settings, settings.objects)
