# `make install` needs python3 (3.11 or newer) with venv; every other target calls it.
PYTHON ?= python3
BIN := .venv/bin
INSTALLED := .venv/.installed
LIBRARIES := .venv-algorithms
TERRAFORM := .venv-terraform
SITE := .venv-site
PACKAGES := tunelet functions adapters algorithms benchmarks manual
LOCKED := requirements/image.txt requirements/collector.txt requirements/dev.txt requirements/uv.txt
# Threads of a library would only slow down the other tests.
ONE_THREAD := OMP_NUM_THREADS=1
TIMED := .ci/timed
FLAGS := -n 2 --dist loadgroup --durations 15
PYTEST := $(BIN)/pytest $(FLAGS)
ELSEWHERE := libraries or stores or cluster or browser or terraform or slurm
# Hundreds of processes import the same modules; without bytecode each would compile them again.
unexport PYTHONDONTWRITEBYTECODE

.PHONY: install page pictures demo test test-e2e test-algorithms test-stores test-cluster test-browser test-terraform test-slurm
.PHONY: release audit deploy destroy render bench image docs format lock clean mutants

install: $(INSTALLED)

$(BIN)/uv: requirements/uv.txt
	$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Tunelet needs Python 3.11 or newer; set PYTHON=python3.x")'
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --require-hashes -r requirements/uv.txt
	touch $@

# Builds the page meanwhile if node is there; otherwise a line says how to build it later.
SYNC = $(BIN)/uv pip sync --quiet --python $(BIN)/python --require-hashes requirements/dev.txt && \
	$(BIN)/uv pip install --quiet --python $(BIN)/python --no-deps --no-build-isolation --editable .
$(INSTALLED): $(BIN)/uv requirements/dev.txt pyproject.toml
	@page/first & page=$$!; $(SYNC); installed=$$?; wait $$page; exit $$installed
	touch $@

# The page that the service shows at /, into functions/page/built. Without node it says so.
page:
	@if page/can_build; then $(MAKE) --no-print-directory functions/page/built/index.html; \
	else echo "make page: nothing was built. It needs node 20 or newer, and npm."; fi

functions/page/built/index.html: page/node_modules/.package-lock.json page/build.mjs $(shell find page/src -type f)
	cd page && node build.mjs

page/node_modules/.package-lock.json: page/package-lock.json
	cd page && npm ci --loglevel=error --no-audit --no-fund && touch node_modules/.package-lock.json

demo: install
	$(BIN)/python examples/demo.py

test: install
	$(TIMED) $(BIN)/ruff check .
	$(TIMED) $(BIN)/ruff format --check .
	$(TIMED) $(BIN)/mypy -n 2 $(PACKAGES)
	$(TIMED) $(BIN)/lint-imports
	$(ONE_THREAD) $(TIMED) $(PYTEST) --ignore tests/e2e -m "not ($(ELSEWHERE))"

# The services, trainings and commands as processes. Two tests run at a time and share the machine
# with all that they start. Failed tests are shown, and must pass alone.
test-e2e: install
	$(ONE_THREAD) $(PYTEST) -m "not ($(ELSEWHERE))" tests/e2e || { \
		echo "make test-e2e: what failed is run once more, alone"; \
		$(BIN)/pytest -m "not ($(ELSEWHERE))" --last-failed --last-failed-no-failures none tests/e2e; }

# In a separate environment with every library of the algorithms: 7 GB.
test-algorithms: $(LIBRARIES)/.installed
	$(ONE_THREAD) TUNELET_TEST_SKIPS=fail $(LIBRARIES)/bin/pytest $(FLAGS) -m libraries

$(LIBRARIES)/.installed: $(BIN)/uv requirements/algorithms.txt pyproject.toml
	$(BIN)/uv venv --quiet --allow-existing --python $(BIN)/python $(LIBRARIES)
	$(BIN)/uv pip sync --quiet --python $(LIBRARIES)/bin/python --require-hashes requirements/algorithms.txt
	$(BIN)/uv pip install --quiet --python $(LIBRARIES)/bin/python --no-deps --no-build-isolation --editable .
	touch $@

# For `make test-terraform`: a server that imitates AWS, and checkov. They pin other versions than ours.
$(TERRAFORM)/.installed: $(BIN)/uv requirements/terraform.txt
	$(BIN)/uv venv --quiet --allow-existing --python $(BIN)/python $(TERRAFORM)
	$(BIN)/uv pip sync --quiet --python $(TERRAFORM)/bin/python --require-hashes requirements/terraform.txt
	touch $@

# For `make docs`: zensical makes the site.
$(SITE)/.installed: $(BIN)/uv requirements/site.txt
	$(BIN)/uv venv --quiet --allow-existing --python $(BIN)/python $(SITE)
	$(BIN)/uv pip sync --quiet --python $(SITE)/bin/python --require-hashes requirements/site.txt
	touch $@

# Each says which server or tool is missing.
test-stores test-cluster test-browser test-terraform test-slurm: test-%: install
	.ci/suite $*

# The last two need the servers of `make test-stores`, and say so.
bench: install
	$(BIN)/python -m benchmarks overhead
	$(BIN)/python -m benchmarks optuna_storage
	$(BIN)/python -m benchmarks suggest
	$(BIN)/python -m benchmarks quality
	$(BIN)/python -m benchmarks failing
	$(BIN)/python -m benchmarks coldstart
	$(BIN)/python -m benchmarks start
	$(BIN)/python -m benchmarks stores
	$(BIN)/python -m benchmarks requests
	$(BIN)/python -m benchmarks sweep
	$(BIN)/python -m benchmarks writers
	$(BIN)/python -m benchmarks machines
	$(BIN)/python -m benchmarks workers
	$(BIN)/python -m benchmarks fairness
	$(BIN)/python -m benchmarks load
	$(BIN)/python -m benchmarks page
	$(BIN)/python -m benchmarks listing
	$(BIN)/python -m benchmarks clients
	$(BIN)/python -m benchmarks functions
	$(BIN)/python -m benchmarks reports
	$(BIN)/python -m benchmarks cluster

# BASE=name-of-a-Python-image; see infra/images/README.md.
image: install page
	infra/images/build

# Wheel, sdist, images, site, bills of materials, provenance: in dist/release; BASE as for `make image`;
# URL= of the repository, for the links of the metadata.
release: install page $(SITE)/.installed
	infra/release/build

# Compares every locked version with the advisories that PyPI and OSV have. Fails if it cannot ask.
AUDIT = $(BIN)/uv tool run pip-audit --strict --disable-pip --require-hashes
audit: install
	$(AUDIT) $(LOCKED:%=--requirement %)
	$(AUDIT) --vulnerability-service osv $(LOCKED:%=--requirement %)

# CLOUD=aws, gcp or azure; TAG= of the images; WITH= a component; OUTPUTS= a file; CONTEXT= of a
# kubeconfig. `render` only writes the overlay. See infra/platform/README.md.
deploy destroy render: install
	$(BIN)/python infra/platform/deploy.py $@ $(CLOUD) $(TAG:%=--tag %) $(WITH:%=--component %) \
		$(OUTPUTS:%=--outputs %) $(CONTEXT:%=--context %)

# The pictures of the page in the documents, from searches of some minutes. Needs Chromium.
pictures: install page
	$(BIN)/python -m tests.browser.shown docs/pictures

# Writes the generated documents, checks every link between documents, and builds the site, dist/site.
docs: install $(SITE)/.installed
	$(BIN)/python -c 'import json; from tunelet.request.models import request_schema as schema; \
		print(json.dumps(schema(), indent=2))' > docs/reference/request.schema.json
	$(BIN)/python -m algorithms.catalog.docs_tables docs/reference/algorithms.md
	$(BIN)/python infra/terraform/costs.py infra/terraform/costs.md
	$(BIN)/python -m manual.reference
	$(BIN)/pytest -q tests/unit/tunelet/test_docs.py
	$(BIN)/python -m manual.build $(SITE)/bin/zensical dist
	$(BIN)/python -m manual.links dist/site

# Puts faults into the protocol, the rules and the launchers, and shows which test notices each: about
# half an hour. WORDS="decide gate" runs those with one of the words in the file or the fault.
mutants: install
	$(BIN)/python -m tests.mutants $(WORDS) --write docs/mutants.md

format: install
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

# Locks the newest versions that resolve together. No file records the origin of packages.
COMPILE = $(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes \
	--no-header --no-emit-index-url --no-annotate --upgrade pyproject.toml
# Without gp, ray and hebo, because their torch takes gigabytes: they are in algorithms.txt.
EXTRAS := up optuna hyperopt s3 gcs azure obstore parquet png kubernetes identity telemetry
# The images get the same versions that were tested.
IMAGE_EXTRAS := up optuna hyperopt obstore gcs azure identity telemetry
TESTED := --constraint requirements/dev.txt
lock: $(BIN)/uv
	$(COMPILE) $(EXTRAS:%=--extra %) --group dev --output-file requirements/dev.txt
	$(COMPILE) $(TESTED) $(IMAGE_EXTRAS:%=--extra %) --output-file requirements/image.txt
	$(COMPILE:pyproject.toml=) $(TESTED) --group collector --output-file requirements/collector.txt
	$(COMPILE) --all-extras --group dev --group libraries --override requirements/overrides.txt \
		--output-file requirements/algorithms.txt
	$(COMPILE:pyproject.toml=) --group terraform --output-file requirements/terraform.txt
	$(COMPILE:pyproject.toml=) --group site --output-file requirements/site.txt
	$(COMPILE:pyproject.toml=) --group bootstrap --output-file requirements/uv.txt

clean:
	rm -rf .venv $(LIBRARIES) $(TERRAFORM) $(SITE) dist .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
