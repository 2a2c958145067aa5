"""Small cells of an audit: which counts cannot be told, and the document without what would give them back."""
