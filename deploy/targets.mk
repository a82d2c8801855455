##@ Shipping

image: $(CHAMPION) ## Build the service's container image with the champion inside (needs Docker)
	@IMAGE=$(IMAGE) deploy/image

serve-docker: image ## Answer on PORT from the container: read-only, without privileges, within limits
	@docker run --rm --publish 127.0.0.1:$${PORT:-8000}:8000 --volume $(IMAGE)-log:/data/4_predictions \
	  --read-only --cap-drop ALL --security-opt no-new-privileges --memory 512m --pids-limit 64 --stop-timeout 25 \
	  --env MODEL_VERIFY_KEY $(IMAGE)

image-batch: ## Build the image that jobs run in: the whole loop, from the lock (needs Docker)
	@tar -c --exclude __pycache__ Dockerfile.batch requirements-batch.lock requirements.lock src/flights pipelines monitoring | \
	  docker build -q $$BUILD_OPTIONS -f Dockerfile.batch --build-arg COMMIT=$(COMMIT) -t $(BATCH_IMAGE) - >/dev/null

audit: $(TOOLS) ## No pinned package has a known vulnerability; REFRESH=1 renews the offline snapshot, STRICT=1 refuses an old one
	@.venv-tools/bin/python deploy/audit.py $(if $(REFRESH),--refresh) $(if $(STRICT),--strict)

secrets: $(TOOLS) ## No commit holds a password, a token or a private key
	@.venv-tools/bin/python deploy/secret_scan.py

licences: $(INSTALLED) $(TOOLS) ## The licence of every installed package; refuses one that binds whoever ships the image
	@.venv-tools/bin/pip-licenses --python $(BIN)/python --from mixed --format plain | cut -c1-100
	@.venv-tools/bin/python deploy/licences.py $(BIN)/../lib/python3*/site-packages

kubeflow: $(TOOLS) ## Compile the same steps as a Kubeflow pipeline, to build/kubeflow.yaml
	@.venv-tools/bin/python deploy/kubeflow/pipeline.py build/kubeflow.yaml

keys: $(INSTALLED) ## Print a new pair of keys for signing models, as settings
	@$(BIN)/python deploy/keys.py

manifests: $(TOOLS) ## Hold the Kubernetes manifests against the schemas (needs kubectl)
	@mkdir -p build; for each in plain canary blue-green; do kubectl kustomize deploy/kubernetes/$$each > build/$$each.yaml; \
	  .venv-tools/bin/kubernetes-validate --strict --quiet build/$$each.yaml; echo "deploy/kubernetes/$$each: valid"; done

sbom: image $(TOOLS) ## What the image is made of, as CycloneDX, with licences
	@.venv-tools/bin/python deploy/sbom.py $(IMAGE) $(DATA_DIR)/5_reports/sbom.json

tools: $(TOOLS) ## Install what checks and ships, in an environment of its own
