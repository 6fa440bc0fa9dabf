"""Where attempts are made: from a request, by way of a plan, to results."""
