"""What was observed -> what to expect, and its place in a scenario's file. Pure."""
