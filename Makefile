# `make demo` and `make test` do everything on a fresh Linux or macOS (Apple silicon): Python 3.11 to 3.13 is all they
# ask for (`make demo PYTHON=python3.13` chooses one).
PYTHON ?= python3
BIN := .venv/bin
PACKAGES := app/node_modules/.package-lock.json
# Where `make app` looks for a registry: `make app WORKSPACE=.demo` takes the demo's, whatever the environment says.
WORKSPACE ?= .

.PHONY: help demo app test style suite bench lock clean

help:                               ## what can be made
	@sed -n 's/^\([a-z]*\):.*## /\1: /p' Makefile

demo: .venv/run                     ## all stages on drawn faces, no network beyond the package index
	PATH="$(CURDIR)/$(BIN):$$PATH" python -m src.demo

app: .venv/run $(PACKAGES)          ## the phone's page on localhost, with the registry's champion or the committed one
	cd app && npm run build
	@cd "$(WORKSPACE)" || exit; if [ "$(WORKSPACE)" != . ]; then unset MLFLOW_TRACKING_URI; fi; \
	if [ -n "$$MLFLOW_TRACKING_URI" ] || [ -e mlflow.db ]; then \
		"$(CURDIR)/$(BIN)/python" -m src.deploy --to "$(CURDIR)/app/dist/model" \
		|| echo "the page is served with the model of app/public/model"; fi
	cd app && npm run serve

test: style suite                   ## style, types and all tests

style: .venv/dev                    ## style and types alone
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

suite: .venv/dev $(if $(shell node app/demand-node.cjs 2> /dev/null && command -v npm),$(PACKAGES))
	PATH="$(CURDIR)/$(BIN):$$PATH" python -m pytest -n 2 --dist loadfile --no-loadscope-reorder

bench: .venv/run                    ## timings; FER2013_SOURCE adds those on the real data, three trainings among them
	PATH="$(CURDIR)/$(BIN):$$PATH" python -m bench

lock: $(BIN)/uv                     ## resolve pyproject.toml anew for every platform
	$(BIN)/uv pip compile -q --universal --generate-hashes pyproject.toml -o requirements.txt
	$(BIN)/uv pip compile -q --universal --generate-hashes --extra dev -c requirements.txt \
		pyproject.toml -o requirements-dev.txt

clean:                              ## drop the environment and the demo
	rm -rf .venv .demo app/node_modules app/dist

CHECK := import sys; found = sys.version_info[:2]; (3, 11) <= found <= (3, 13) or sys.exit( \
	"found Python %d.%d, expected 3.11 to 3.13: name one you have, as in `make demo PYTHON=python3.13`" % found)

$(BIN)/python:
	@$(PYTHON) -c '$(CHECK)'
	$(PYTHON) -m venv .venv || { rm -rf .venv; exit 1; }

$(BIN)/uv: | $(BIN)/python
	$(BIN)/python -m pip install --quiet --disable-pip-version-check uv

# uv takes seconds where pip takes minutes; pip knows what is set for it, as another index or a certificate.
INSTALL = $(BIN)/uv pip install --quiet --python $(BIN)/python --require-hashes -r $< \
	|| $(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r $<

.venv/run: requirements.txt | $(BIN)/uv
	$(INSTALL)
	touch $@

.venv/dev: requirements-dev.txt | $(BIN)/uv  # holds requirements.txt, too
	$(INSTALL)
	touch .venv/run $@

$(PACKAGES): app/package-lock.json
	@command -v npm > /dev/null || { echo "the app needs node and npm, see nodejs.org" >&2; exit 1; }
	@node app/demand-node.cjs
	cd app && npm ci --no-audit --no-fund
	touch $@
