"""What was observed of a submission -> marks, each with what to tell the student. Pure."""
