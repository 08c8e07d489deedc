"""Models and conversations with them: the world's side of a turn."""
