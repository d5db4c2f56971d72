"""The Compare page's parts: one module per section, each a function that shows the chosen runs."""
