# Two commands do all their own set-up: `make run` and `make test`. Python 3.11 or newer, make and git are enough.
PYTHON ?= python3
BIN := .venv/bin
READY := .venv/.ready

.PHONY: run test test-dagster faults lint format bench lock clean
.DEFAULT_GOAL := run

# uv where it is installed, else venv and pip; the lock has exact versions and hashes for both.
$(READY): requirements.lock pyproject.toml
	@if command -v uv >/dev/null 2>&1; then \
		echo "Setting up .venv with uv" && \
		uv venv --quiet --allow-existing --python $(PYTHON) .venv && \
		VIRTUAL_ENV=.venv uv pip install --quiet --compile-bytecode --require-hashes -r requirements.lock && \
		VIRTUAL_ENV=.venv uv pip install --quiet --no-deps -e .; \
	else \
		echo "Setting up .venv with venv and pip (a minute or two)" && \
		$(PYTHON) -m venv .venv && \
		$(BIN)/python -m pip install --quiet --require-hashes -r requirements.lock && \
		$(BIN)/python -m pip install --quiet --no-deps -e .; \
	fi
	@touch $@

run: $(READY)
	@ROLLCALL_SETTLE_SECONDS=$${ROLLCALL_SETTLE_SECONDS-0} $(BIN)/rollcall start

test: $(READY)
	$(BIN)/python -m pytest

# The Dagster definitions, in an environment of their own: nobody else needs Dagster.
test-dagster:
	@if command -v uv >/dev/null 2>&1; then \
		uv venv --quiet --allow-existing --python $(PYTHON) .venv-dagster && \
		VIRTUAL_ENV=.venv-dagster uv pip install --quiet -e '.[dagster]' pytest; \
	else \
		$(PYTHON) -m venv .venv-dagster && .venv-dagster/bin/python -m pip install --quiet -e '.[dagster]' pytest; \
	fi
	PATH="$(CURDIR)/.venv-dagster/bin:$$PATH" .venv-dagster/bin/python -m pytest -o addopts="" -q tests/dagster

# A hundred kills; about half an hour.
faults: $(READY)
	ROLLCALL_KILLS=100 $(BIN)/python -m pytest -n 0 tests/python/test_faults.py

lint: $(READY)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/sqlfluff lint --disable-progress-bar models tests

format: $(READY)
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

bench: $(READY)
	$(BIN)/python scripts/bench/bench.py

lock:
	uv pip compile --quiet --universal --generate-hashes --extra dev --no-strip-extras --python-version 3.11 \
		--no-emit-index-url --no-emit-find-links --custom-compile-command "make lock" pyproject.toml -o requirements.lock

clean:
	rm -rf .venv .venv-dagster target logs build
