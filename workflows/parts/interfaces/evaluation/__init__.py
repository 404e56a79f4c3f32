"""From Results to what is known of each interface, with what judges every number."""
