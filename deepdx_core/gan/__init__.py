"""The conditional GAN: the voice as an image, the networks, training, the stored model, sampling, and names.

The reference model, after the blog "Deep DX": a voice is a 16x16 image, a convolutional discriminator condenses it to
100 values, a mirrored generator makes it from noise and a class. Nothing here is imported with the package, because
torch takes seconds.
"""
