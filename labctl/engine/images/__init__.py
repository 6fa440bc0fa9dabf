"""The images that labs are made of: what they hold, where their bases come from, their making."""
