"""The error a single source ends with; the next source may still do."""

from __future__ import annotations

from gexbench.errors import AssetMissing


class SourceFailed(AssetMissing):
    """A source does not give the file; the message is one line that begins with the source."""
