from learning_fixtures import one_thread_and_seeded, trained_a_little, world  # noqa: F401
