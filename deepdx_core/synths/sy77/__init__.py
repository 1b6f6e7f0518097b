"""SY77, TG77 and SY99: voices of eleven element modes, and their conversion to and from DX7 voices."""
