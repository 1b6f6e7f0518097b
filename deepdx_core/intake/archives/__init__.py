"""Archives in memory: `kinds` lists every kind, with one module for each way to read members.

No size that an archive states is trusted. Unpacked bytes are counted as they arrive, and reading stops at `limits`.
"""
