"""The distillation objective in parts, each a small table of named functions; published methods are presets of them."""
