"""Where an index is kept: embedded in a folder, or in a vector database; one small interface."""
