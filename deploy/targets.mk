##@ Shipping
$(call arguments,OSV_URL)
TOOL := .venv-tools/bin

image: $(CHAMPION) #- Build the service's container image with the champion inside (needs Docker)
	@deploy/image

serve-docker: image #- Answer on PORT from the container: read-only, without privileges, within limits
	@docker run --rm --publish "127.0.0.1:$${PORT:-8000}:8000" --volume "$$IMAGE-log:/data/4_predictions" \
	  --read-only --cap-drop ALL --security-opt no-new-privileges --memory 512m --pids-limit 64 --stop-timeout 25 \
	  --env MODEL_VERIFY_KEY --env API_KEYS --env "AUTH=$${AUTH-proxy}" "$$IMAGE"

image-batch: #- Build the image that jobs run in: the whole loop, from the lock (needs Docker)
	@set -o pipefail; tar -c --exclude __pycache__ deploy/batch requirements.lock deploy/batch.lock src/flights pipelines monitoring | \
	  docker build -q $$BUILD_OPTIONS -f deploy/batch/Dockerfile --build-arg COMMIT=$(COMMIT) -t "$$BATCH_IMAGE" - >/dev/null

# Without an answer for every pin pip-audit has no verdict, and the target fails: see build/audit.log.
LOCKS := requirements.lock $(wildcard deploy/*.lock deploy/*/*.lock)
audit: $(TOOLS) #- Fail if a pinned package has a vulnerability that OSV knows, or if OSV does not answer
	@mkdir -p build && rm -f build/audit.txt; $(TOOL)/pip-audit --strict --disable-pip --require-hashes --progress-spinner off \
	  --vulnerability-service osv $(call option,OSV_URL,osv-url) --output build/audit.txt $(addprefix --requirement ,$(LOCKS)) 2> build/audit.log \
	  && echo "audit     $(words $(LOCKS)) locks: no known vulnerability" \
	  || { [ ! -s build/audit.txt ] || { cat build/audit.txt; exit 1; }; tail -n 1 build/audit.log; \
	    echo "audit: NOT CHECKED: pip-audit has no answer for every package: make audit needs access to api.osv.dev (details: build/audit.log)" >&2; exit 1; }

secrets: $(TOOLS) #- Fail if a commit or a tag holds a password, a token or a private key
	@deploy/secrets

# A package of the image under another licence, or without one, fails; LGPL lets a user link.
LICENCES := MIT;BSD;Apache;ISC;MPL;Mozilla;PSF;Python Software Foundation;LGPL;Lesser General Public
licences: $(call group,postgres) $(TOOLS) #- List the licences of the packages that the service's image ships; fail on one that is not allowed
	@list="$$($(TOOL)/pip-licenses --python $(BIN)/python --partial-match --allow-only "$(LICENCES)" \
	  --packages $$(sed -n 's/^\([a-z0-9][a-z0-9._-]*\)==.*/\1/p' deploy/serving.lock))" && echo "$$list" && \
	  { [[ "$$list" == *[0-9]* ]] || { echo "$(VENV) has no package of deploy/serving.lock: run make install" >&2; exit 1; }; }

sbom: $(TOOLS) #- Write what the service's image installs, as CycloneDX, to the reports
	@mkdir -p "$$DATA_DIR/5_reports" && $(TOOL)/python -W ignore::UserWarning -m cyclonedx_py requirements deploy/serving.lock --pyproject pyproject.toml \
	  --output-reproducible --output-file "$$DATA_DIR/5_reports/sbom.json" && echo "sbom      wrote $$DATA_DIR/5_reports/sbom.json"

kubeflow: $(TOOLS) #- Compile the same steps as a Kubeflow pipeline, to build/kubeflow.yaml
	@$(TOOL)/python deploy/kubeflow/pipeline.py build/kubeflow.yaml

board: $(INSTALLED) #- Write a Grafana board of the service's metrics to build/grafana.json
	@$(BIN)/python deploy/grafana/board.py build/grafana.json

keys: $(INSTALLED) #- Print a new pair of keys for signing models, as settings
	@$(BIN)/python deploy/keys.py

manifests: $(TOOLS) #- Validate the Kubernetes manifests against the schemas (needs kubectl)
	@set -e; mkdir -p build; for each in plain canary blue-green; do kubectl kustomize deploy/kubernetes/$$each > build/$$each.yaml; \
	  $(TOOL)/kubernetes-validate --strict --quiet build/$$each.yaml; echo "deploy/kubernetes/$$each: valid"; done

tools: $(TOOLS) #- Install what checks and ships, in an environment of its own
