"""Network: arrays become a fitted Keras model and its .tflite variants."""
