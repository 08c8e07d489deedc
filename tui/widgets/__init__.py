"""The widgets that the screens are made of; none of them reads anything by itself."""
