"""The web page that cleans signatures, see `serving.launch`; only this package imports Gradio."""
