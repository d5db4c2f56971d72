"""What moves on a page, sent by a route of our own beside Streamlit's: pictures of a net, curves, how far a run is.

A page says once what it wants to see. Then it is sent what has changed since what it has, whenever it has drawn that:
so a slow browser or link gets fewer pictures, and never old ones.
"""
