"""What is minimised: the weighted cross-entropy, and differentiable biases between two groups."""
