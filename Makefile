# `make` shows what there is. Every target that needs the environment makes it first.
python := .venv/bin/python

.DEFAULT_GOAL := help
.PHONY: help setup setup-test setup-window demo window receiver screenshots test lint format soak mutants bench wheel lock licences docs

help: ## show these lines
	@sed -n 's/^\([a-z]*\):[^#]*## /\1\t/p' $(MAKEFILE_LIST) | expand -t 12

setup: ## make .venv: the locked dependencies and Howdah itself
	@packaging/setup.sh

setup-test:
	@packaging/setup.sh test

setup-window:
	@packaging/setup.sh window

demo: $(if $(DISPLAY)$(WAYLAND_DISPLAY),setup-window,setup) ## watch a receiver and a client at work; where there is a screen, in the window
	@$(python) tests/together/demo.py

window: setup-window ## open the window
	@.venv/bin/howdah

receiver: setup ## run a receiver here
	@.venv/bin/howdah-receiver serve

test: setup-test ## run the tests (ARGS="-k chunks" chooses)
	@$(python) -m pytest -q -rs --durations=20 $(ARGS)

lint: setup ## check style, types and who imports whom
	@.venv/bin/ruff check && .venv/bin/ruff format --check && .venv/bin/mypy && .venv/bin/lint-imports

format: setup ## put the code into shape
	@.venv/bin/ruff check --fix && .venv/bin/ruff format

soak: setup-test ## run the long tests
	@HOWDAH_SOAK=1 $(python) -m pytest -q -rs -m soak $(ARGS)

mutants: setup-test ## break the code on purpose and see the tests notice
	@$(python) tests/faults/mutants.py

bench: setup-test ## measure
	@$(python) tests/bench/transfer.py && $(python) tests/bench/small_files.py && $(python) tests/bench/window.py && $(python) tests/bench/catalogue.py
	@$(python) tests/bench/folders.py && $(python) tests/bench/comparison.py && $(python) tests/bench/saved.py

screenshots: setup-test ## take pictures of the window into build/screenshots
	@$(python) tests/together/screenshots.py $(ARGS)

wheel: setup ## build dist/howdah-*.whl
	@$(python) -m build --wheel --no-isolation

lock: ## for maintainers: resolve again, UPGRADE=--upgrade for newer versions
	@packaging/lock.sh $(UPGRADE)

licences: setup ## write docs/licences.md and the container's locks from what is installed
	@$(python) packaging/licences.py && $(python) packaging/docker_lock.py

docs: setup ## write problems.md, states.md and settings.md in docs/ from the code
	@$(python) packaging/problems_page.py && $(python) packaging/states_page.py && $(python) packaging/settings_page.py
