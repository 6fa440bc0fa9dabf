"""Submissions: what students hand in, found and read by strict rules. All of it may be hostile."""

from labctl.submissions.discovery import find_submissions
from labctl.submissions.reading import SubmittedFiles
from labctl.submissions.refusal import RefusalError
from labctl.submissions.submission import Submission

__all__ = ["RefusalError", "Submission", "SubmittedFiles", "find_submissions"]
