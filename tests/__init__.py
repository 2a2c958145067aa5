from . import torchvision_schemas  # noqa: F401  before transformers, which looks for torchvision
