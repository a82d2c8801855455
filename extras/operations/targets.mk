##@ Operations
$(call arguments,ID JSON VERSION SHARE INPUT OUTPUT ENGINE SCHEDULER SUBJECT)

recalibrate: $(INSTALLED) $(POSTGRES) #- Fit the champion's slope and shift to the log's outcomes of three weeks before AS_OF; the gate judges
	@$(RUN) extras.operations.recalibrate

explain: $(call group,explain) $(POSTGRES) #- Replay the logged request ID step by step: why its probability is what it is; JSON=1 for programs
	@$(RUN) extras.operations.explain $(if $(value ID),"$$ID") $(if $(JSON),--json)

challenge: $(INSTALLED) #- Run VERSION beside the champion, as shadow or as canary for a SHARE of the flights; VERSION=none ends it
	@$(RUN) extras.operations.challenge $(if $(value VERSION),"$$VERSION") $(call option,SHARE,share)

score: $(CHAMPION) $(if $(ENGINE)$(SCHEDULER),$(call group,cluster)) #- Score the Parquet files of INPUT into OUTPUT, resumably; ENGINE=dask SCHEDULER=... for a cluster
	@$(RUN) extras.operations.score $(call option,INPUT,input) $(call option,OUTPUT,output) $(call option,ENGINE,engine) $(call option,SCHEDULER,scheduler)

forget: $(INSTALLED) $(POSTGRES) #- Erase SUBJECT (say SUBJECT=N14228) from log, data and all that holds it, and look for what is left
	@$(RUN) extras.operations.forget_log $(if $(value SUBJECT),"$$SUBJECT")
	@$(RUN) extras.operations.forget $(if $(value SUBJECT),"$$SUBJECT")

test test-heavy: $(call group,cluster explain)
