"""Captions of the events of videos: where a video is cut, what captions each event, and the file of the captions."""
