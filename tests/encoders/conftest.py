from video_fixtures import bad_videos, make_video, moving  # noqa: F401
