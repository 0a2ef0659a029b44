"""Which connected pieces of a picture's ink are the signature's?"""
