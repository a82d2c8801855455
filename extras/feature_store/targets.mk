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

$(call arguments,DAY BEGIN EVERY)
demo: $(call group,replay) ## One stormy day on the departure board: serve, materialize and replay; Ctrl-C ends everything
	@exec $(RUN) extras.feature_store.demo

board-image: $(call group,test) $(CHAMPION) #- Draw docs/images/board.png: the demo's departure board in the system's Chromium
	@$(RUN) extras.feature_store.board_image

serve monitor: $(FEATURES)

test test-heavy: $(call group,replay)
