"""A cheap student for videos without captions, taught by the scores of other models alone."""
