"""MobileNet (`transformers.MobileNetV1ForImageClassification`): Howard et al., 2017."""

from .family import Family

# Its padding reads the stride of each convolution.
FAMILY = Family(copies=False)
