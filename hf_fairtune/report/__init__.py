"""From a record to figures, tables and the model card."""
