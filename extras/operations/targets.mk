# A variable on make's command line is meant for this project: a name that no makefile and no page of settings has is an error.
GIVEN := $(foreach name,$(.VARIABLES),$(if $(filter command,$(firstword $(origin $(name)))),$(name)))
KNOWN := $(if $(GIVEN),$(shell cat Makefile extras/*/targets.mk serving/extras/*/targets.mk deploy/targets.mk docs/settings.md \
  2>/dev/null | grep -oE '[A-Z][A-Z0-9_]+' | sort -u) PIP_% UV_% PYTEST_% OMP_% %_PROXY %_proxy)
UNKNOWN := $(if $(wildcard docs/settings.md),$(firstword $(filter-out $(KNOWN),$(GIVEN))))
NEAREST = $(shell $(PYTHON) -c 'import difflib, sys; words = sys.argv[2:]; \
  print(*[f"did you mean {name}?" for name in difflib.get_close_matches(sys.argv[1].upper(), words, 1, 0.7)])' \
  '$(subst ','\'',$(UNKNOWN))' $(KNOWN) 2>/dev/null)
$(if $(UNKNOWN),$(error $(UNKNOWN)=$(strip $(value $(UNKNOWN))): no such setting; $(NEAREST) \
  docs/settings.md has all. A variable of another program goes before the command: $(UNKNOWN)=value make))

##@ Operations
$(call arguments,BY_KEY ID JSON INPUT OUTPUT ENGINE SCHEDULER)

loop: $(call group,monitor) ## Unattended: train, serve, replay, monitor, decide, retrain for each live month; BY_KEY=1: by key
	@$(RUN) extras.operations.loop

recalibrate: $(INSTALLED) $(POSTGRES) #- Fit the champion's slope and shift to the log's outcomes of three weeks before AS_OF; the gate judges
	@$(RUN) extras.operations.recalibrate

explain: $(call group,explain) $(POSTGRES) #- Replay the logged request ID step by step: why its probability is what it is; JSON=1 for programs
	@$(RUN) extras.operations.explain $(if $(value ID),"$$ID") $(if $(JSON),--json)

score: $(CHAMPION) $(if $(ENGINE)$(SCHEDULER),$(call group,cluster)) #- Score the Parquet files of INPUT into OUTPUT, resumably; ENGINE=dask SCHEDULER=... for a cluster
	@$(RUN) extras.operations.score $(call option,INPUT,input) $(call option,OUTPUT,output) $(call option,ENGINE,engine) $(call option,SCHEDULER,scheduler)

test test-heavy: $(call group,cluster explain)
