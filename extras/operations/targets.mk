##@ Operations

loop: $(INSTALLED) ## Unattended: train, serve, replay, monitor, decide, retrain for each live month
	@$(RUN) extras.operations.loop

recalibrate: $(INSTALLED) ## Fit the champion's slope and shift to the log's outcomes of three weeks before AS_OF; the gate judges
	@$(RUN) extras.operations.recalibrate

explain: $(INSTALLED) ## Replay the logged request ID step by step: why its probability is what it is; JSON=1 for programs
	@$(RUN) extras.operations.explain '$(ID)' $(if $(JSON),--json)

challenge: $(INSTALLED) ## Run VERSION beside the champion, as shadow or as canary for a SHARE of the flights; VERSION=none ends it
	@$(RUN) extras.operations.challenge $(VERSION) $(if $(SHARE),--share $(SHARE))

score: $(CHAMPION) ## Score the Parquet files of INPUT into OUTPUT, resumably; ENGINE=dask SCHEDULER=... for a cluster
	@$(RUN) extras.operations.score $(foreach word,INPUT OUTPUT ENGINE SCHEDULER,$(if $($(word)),--$(shell echo $(word) | tr A-Z a-z) $($(word))))

forget: $(INSTALLED) ## Remove SUBJECT (say SUBJECT=N14228) from log, data and all that holds it, and look for what is left
	@$(RUN) extras.operations.forget_log '$(SUBJECT)'
	@$(RUN) extras.operations.forget '$(SUBJECT)'
