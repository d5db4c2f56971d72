"""The sections of Inspect: every module of this package may hold some, and adding one is adding a file."""
