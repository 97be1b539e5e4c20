"""Floor 5: losses, the distillation objective, teachers and their cache, the trainer, checkpoints."""
