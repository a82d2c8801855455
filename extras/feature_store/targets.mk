##@ Feature store
FEATURES := $(if $(findstring postgres,$(FEATURES_URL)),$(call group,postgres))

events: $(INSTALLED) #- Write what happened in the source, and when it became known, as events: the offline table
	@$(RUN) extras.feature_store.events

materialize: $(INSTALLED) $(FEATURES) #- Publish the feature views at every tick whose events are complete; FOLLOW=1 goes on until stopped
	@$(RUN) extras.feature_store.materialize

parity: $(call group,replay) $(POSTGRES) $(FEATURES) #- Replay the days FROM..TO through /events and /predict/by-key, and compare every bit with the offline table
	@$(RUN) extras.feature_store.parity

ticks: $(RAW)/valid.parquet #- ROC-AUC on the holdout with ticks of 1, 5, 15 and 60 minutes; EVERY=8 is faster
	@$(RUN) extras.feature_store.ticks

replay-by-key: $(call group,replay) $(FEATURES) #- Send the live months FROM..TO as events, and ask for each flight by its key (serve with PREDICT_BY_KEY=1)
	@$(RUN) extras.feature_store.replay

$(call arguments,DAY BEGIN EVERY)
demo: $(call group,replay) ## One stormy day on the departure board: serve, materialize and replay; Ctrl-C ends everything
	@exec $(RUN) extras.feature_store.demo

board-image: $(call group,test) $(CHAMPION) #- Draw docs/images/board.png: the demo's departure board in the system's Chromium
	@$(RUN) extras.feature_store.board_image

bench-backfill: $(call group,cluster) #- Compute the offline table of 10 and 100 times `make events`, by one process and by Dask: seconds, memory, the same bytes
	@$(RUN) extras.feature_store.backfill

# Feast's pins conflict with ours: it has an environment of its own.
FEAST := .venv-feast/installed
feast: $(INSTALLED) $(FEATURES) $(FEAST) #- Load the newest published tick into a local Feast, below build/feast, and compare what it answers by key
	@$(BIN)/python deploy/feast/export.py build/feast/views.json
	@.venv-feast/bin/python deploy/feast/load.py build/feast/views.json build/feast/answers.parquet > build/feast/log
	@$(BIN)/python deploy/feast/export.py build/feast/views.json --compare build/feast/answers.parquet

$(FEAST): deploy/feast/feast.lock
	@echo "installing Feast into .venv-feast (once)"
	@$(PYTHON) -m venv .venv-feast
	@$(subst $(BIN),.venv-feast/bin,$(INSTALL)) --require-hashes --no-deps -r $<
	@touch $@

serve monitor: $(FEATURES)

test test-heavy: $(call group,replay cluster)
test-heavy: $(FEAST)
