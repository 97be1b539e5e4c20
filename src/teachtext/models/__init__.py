"""Floor 4: building blocks, the retrieval models made of them, and the similarity where text and video meet."""
