"""The Inspect page's parts: one module per section, each a function that shows one `View`."""
