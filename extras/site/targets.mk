##@ Documentation
site: $(call group,docs site) #- Build the documentation as a site with search, which works offline, to build/site
	@NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --strict --config-file extras/site/mkdocs.yml --site-dir "$(CURDIR)/build/site"
	@echo "run $(BIN)/python -m http.server --directory build/site 8123, then open http://127.0.0.1:8123"

notebooks: $(call group,docs notebook) #- Write chapters 1 to 4 of the tutorial as notebooks to build/notebooks
	@$(RUN) extras.site.notebooks
	@$(BIN)/jupytext --quiet --to ipynb build/notebooks/*.py
	@echo "open build/notebooks in your editor, with the kernel of .venv, after make train"
