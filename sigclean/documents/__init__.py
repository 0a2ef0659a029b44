"""Read the pages of documents: PDF, HEIC, and TIFF of several pages."""

from sigclean.documents.pages import Document, Page, open_document, read_pages

__all__ = ["Document", "Page", "open_document", "read_pages"]
