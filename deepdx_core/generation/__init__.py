"""The generator that banks come from: how voices are written, learned, judged by a critic, stored, sampled, named."""
