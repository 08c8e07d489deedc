"""The screens: one file each, thin, made of widgets and panes."""
