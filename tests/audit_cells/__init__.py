"""Small cells of an audit."""
