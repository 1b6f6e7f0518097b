"""The generator that banks come from: how voices are written, learnt, judged by a critic, stored, sampled, named."""
