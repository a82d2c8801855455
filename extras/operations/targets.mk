##@ Operations
$(call arguments,ID JSON INPUT OUTPUT ENGINE SCHEDULER)

loop: $(call group,monitor) ## Unattended: train, serve, replay, monitor, decide, retrain for each live month
	@$(RUN) extras.operations.loop

recalibrate: $(INSTALLED) $(POSTGRES) #- Fit the champion's slope and shift to the log's outcomes of three weeks before AS_OF; the gate judges
	@$(RUN) extras.operations.recalibrate

explain: $(call group,explain) $(POSTGRES) #- Replay the logged request ID step by step: why its probability is what it is; JSON=1 for programs
	@$(RUN) extras.operations.explain $(if $(value ID),"$$ID") $(if $(JSON),--json)

score: $(CHAMPION) $(if $(ENGINE)$(SCHEDULER),$(call group,cluster)) #- Score the Parquet files of INPUT into OUTPUT, resumably; ENGINE=dask SCHEDULER=... for a cluster
	@$(RUN) extras.operations.score $(call option,INPUT,input) $(call option,OUTPUT,output) $(call option,ENGINE,engine) $(call option,SCHEDULER,scheduler)

test test-heavy: $(call group,cluster explain)
