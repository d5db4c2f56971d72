"""See a neural network learn: build it, train it with PyTorch, and watch its weights, in a browser."""
