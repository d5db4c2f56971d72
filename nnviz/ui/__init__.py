"""The only package that imports Streamlit: session state, forms from fields, components."""
