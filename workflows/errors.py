"""What can be wrong around a study: its folder, its database, the queue of a cluster."""

from __future__ import annotations

from natriface.structures.base.errors import NatrifaceError


class DatabaseError(NatrifaceError):
    """The LaunchPad's database cannot be started, reached or used."""


class DamagedDatabaseError(DatabaseError):
    """What the embedded database had written before it was killed cannot be opened."""


class WorkspaceError(NatrifaceError):
    """The workspace folder cannot be used as asked."""


class QueueError(NatrifaceError):
    """A cluster's queue refuses, does not answer, or cannot give what is asked."""


class UnreadAnswerError(QueueError):
    """A queue may have taken a job, but its answer holds no number of one, or has not arrived.

    Attributes
    ----------
    arrived
        Whether there was an answer.
    """

    def __init__(self, text: str, arrived: bool = False) -> None:
        super().__init__(text)
        self.arrived = arrived
