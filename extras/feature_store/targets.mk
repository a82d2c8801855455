##@ Feature store

events: $(INSTALLED) #- Write what happened in the source, and when it became known, as events: the offline table
	@$(RUN) extras.feature_store.events

materialize: $(INSTALLED) $(POSTGRES) #- Publish the feature views at every tick whose events are complete; FOLLOW=1 goes on until stopped
	@$(RUN) extras.feature_store.materialize

parity: $(call group,replay) $(POSTGRES) #- Replay the days FROM..TO through /events and /predict/by-key, and compare every bit with the offline table
	@$(RUN) extras.feature_store.parity

test test-heavy: $(call group,replay)
