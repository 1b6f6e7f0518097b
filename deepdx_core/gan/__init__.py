"""The conditional GAN of the blog "Deep DX": a kind of model, and a reference that others are compared with.

A voice is encoded as a 16x16 image. A convolutional discriminator reduces it to 100 features, and a mirrored generator
makes it from noise and a class. The package itself imports nothing, because torch takes seconds.
"""
