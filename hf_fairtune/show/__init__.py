"""What people read of a document: words, tables and figures as terminal text, card, page, CSV and LaTeX."""
