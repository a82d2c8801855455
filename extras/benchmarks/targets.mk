##@ Benchmarks
$(call arguments,AGAINST)

bench: $(INSTALLED) #- What `make train` costs, step by step, next to the fits alone
	@$(RUN) extras.benchmarks.train

bench-serve: $(CHAMPION) $(call group,replay) #- The service next to the empty endpoint, a naive FastAPI app and mlflow models serve, in alternating windows
	@$(RUN) extras.benchmarks.serve

bench-score: $(CHAMPION) $(call group,cluster) #- Score ten and a hundred times the flights, by one process and by Dask: seconds, memory, the same bytes
	@$(RUN) extras.benchmarks.score

bench-monitor: $(CHAMPION) $(call group,monitor) #- What monitoring a month costs, next to Evidently's preset on the raw rows
	@$(RUN) extras.benchmarks.monitor

flame: $(CHAMPION) $(call group,replay profile) #- Flame graphs of the service and of `make train`: build/flame_*.svg (may need root)
	@$(RUN) extras.benchmarks.flame

bench-regression: $(CHAMPION) $(call group,replay) #- Fail if the service is slower or larger than at AGAINST (the commit before), beyond the noise of two that are alike
	@$(RUN) extras.benchmarks.regression $(if $(value AGAINST),"$$AGAINST")
