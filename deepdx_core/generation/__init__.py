"""The voice model: writer, critic and names. Trained, stored, compared with others, and sampled for banks."""
