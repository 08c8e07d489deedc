"""What the screens know of the workspace and of the run that is looked at: immutable views, read outside the loop."""
