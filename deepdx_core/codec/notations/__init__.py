"""Bytes written as text: numbers in columns and lists, base64 and its kin. Each notation decodes a text to bytes.

`numbers.NOTATIONS` and `encodings.NOTATIONS` list them; `codec.recognizers.text` tries them in order.
"""
