"""The reference model, after the blog "Deep DX": a conditional GAN that other generators are measured against.

A voice is a 16x16 image, a convolutional discriminator condenses it to 100 values, a mirrored generator makes it from
noise and a class. It is trained afresh for each evaluation, and never stored. Nothing here is imported with the
package, because torch takes seconds.
"""
