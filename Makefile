# Two commands do all the set-up: `make demo` and `make test`.
PYTHON ?= python3
BIN := .venv/bin
export OMP_WAIT_POLICY := PASSIVE

.PHONY: demo test lint types bench

demo: .venv/ready
	$(BIN)/einthoven study code --data simulated=600,difficulty=0.7 --rate-hz 100 --fold-count 5 --folds 5 \
		--models code_resnet boosting naive --epochs.code_resnet 12 --out runs/demo

test: .venv/ready
	OMP_NUM_THREADS=1 OPENBLAS_NUM_THREADS=1 $(BIN)/python -m pytest -n auto --dist loadfile --no-loadscope-reorder

lint: .venv/ready
	$(BIN)/ruff check
	$(BIN)/ruff format --check

types: .venv/ready
	$(BIN)/mypy

# Rewrites the tables in docs/speed.md; half an hour on two cores.
bench: .venv/ready
	$(BIN)/python benchmarks/speed.py

.venv/ready: pyproject.toml constraints.txt
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --constraint constraints.txt --editable ".[dev]"
	touch $@
