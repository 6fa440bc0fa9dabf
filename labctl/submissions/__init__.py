"""What students hand in: found, and read by our rules. All of it may be hostile."""

from labctl.submissions.finding import find
from labctl.submissions.reading import Files
from labctl.submissions.refused import Refused
from labctl.submissions.submission import Submission

__all__ = ["Files", "Refused", "Submission", "find"]
