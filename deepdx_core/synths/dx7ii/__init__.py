"""DX7II, DX7s, TX802, and TX7 and DX5: supplements of voices, performances, microtunings and fractional scaling."""
