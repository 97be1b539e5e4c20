"""Search: an index over a folder of videos, exact scores and reasons, stores that outgrow one machine."""
