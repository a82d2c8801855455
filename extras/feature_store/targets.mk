##@ Feature store
FEATURES := $(if $(findstring postgres,$(FEATURES_URL)),$(call group,postgres))

events: $(INSTALLED) #- Write what happened in the source, and when it became known, as events: the offline table
	@$(RUN) extras.feature_store.events

materialize: $(INSTALLED) $(FEATURES) #- Publish the feature views at every tick whose events are complete; FOLLOW=1 goes on until stopped
	@$(RUN) extras.feature_store.materialize

parity: $(call group,replay) $(POSTGRES) $(FEATURES) #- Replay the days FROM..TO through /events and /predict/by-key, and compare every bit with the offline table
	@$(RUN) extras.feature_store.parity

serve monitor: $(FEATURES)

test test-heavy: $(call group,replay)
