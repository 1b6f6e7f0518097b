"""A user's taste, learnt from ratings, and the choice of sounds by it.

`features` has sounds as short vectors, `model` the taste over them, `picking` the choice.
"""
