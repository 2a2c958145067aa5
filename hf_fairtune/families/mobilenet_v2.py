"""MobileNetV2 (`transformers.MobileNetV2ForImageClassification`): Sandler et al., CVPR 2018."""

from .family import Family

# Its padding reads the stride of each convolution.
FAMILY = Family(copies=False)
