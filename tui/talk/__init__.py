"""What is said in a run, on its way to the screen: events, entries, laid-out lines. No widgets are here."""
