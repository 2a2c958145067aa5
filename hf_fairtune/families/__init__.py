"""Where a model keeps its parts; the file is `config.model_type`."""
