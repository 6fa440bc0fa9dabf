"""What is computed from the results of attempts: summaries, comparisons, changes. Pure."""
