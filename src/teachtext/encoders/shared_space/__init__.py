"""Models with one space for text and pictures, clips or sound: a class a family, and one class for all of them."""
