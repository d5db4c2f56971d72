"""Charts: numbers (NamedTuple) and drawing (plotly Figure), apart. They know data, not the app."""
