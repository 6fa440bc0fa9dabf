"""All that flows through labctl: frozen, typed, without effects."""
