"""The folders of steps: what lies in them, how far they have come, who is at them."""
