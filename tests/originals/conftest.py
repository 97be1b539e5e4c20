from learning_fixtures import one_thread_and_seeded  # noqa: F401
