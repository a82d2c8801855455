##@ Evidence
$(call arguments,EVERY SCHEDULER TRIES)

claims: $(CANDIDATE)/candidate.json #- What a random split and a leaky column would have claimed, next to the honest metric
	@$(RUN) extras.evidence.claims

gallery: $(CANDIDATE)/candidate.json #- Gate self-test: candidates that are bad on purpose, and good ones; fails if the gate decides wrongly
	@$(RUN) extras.evidence.gate_self_test

backtest: $(RAW)/valid.parquet $(if $(SCHEDULER),$(call group,cluster)) #- How often to train: week by week, month by month or never; EVERY=8 is faster, SCHEDULER= a cluster
	@$(RUN) extras.evidence.backtest $(call option,EVERY,every) $(call option,SCHEDULER,scheduler) $(if $(REFIT),--refit)

compare: $(RAW)/valid.parquet $(call group,lightgbm xgboost) #- Each family of estimators month by month: quality, calibration and costs; EVERY=8 is faster
	@$(RUN) extras.evidence.compare $(call option,EVERY,every)

features: $(SPLITS)/manifest.json $(if $(SCHEDULER),$(call group,cluster)) #- Drop each feature in turn: which earn their place, and what each costs; EVERY=16 is faster
	@$(RUN) extras.evidence.ablation $(call option,EVERY,every) $(call option,SCHEDULER,scheduler)

tune: $(SPLITS)/manifest.json #- Search other parameters on train, and say whether the checked-in ones are as good; TRIES=81 is more
	@$(RUN) extras.evidence.tune $(call option,EVERY,every) $(call option,TRIES,tries)

correlate: $(SPLITS)/manifest.json #- Does the holdout predict live traffic? Thirteen models, worse and worse, on both; EVERY=16 is faster
	@$(RUN) extras.evidence.correlate $(call option,EVERY,every)

labels: $(call group,labels) #- Audit the recorded outcomes, by rules or by cleanlab, whichever finds more planted mislabels
	@$(RUN) extras.evidence.label_audit

test test-heavy: $(call group,cluster labels)
