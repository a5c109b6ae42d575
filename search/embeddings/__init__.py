"""Labels by meaning, for words that are in no label. Off unless MEDIALIB_EMBEDDINGS is true."""
